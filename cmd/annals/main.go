// Command annals is the one binary: the server (`annals serve`) and every command of its users, operators and
// auditors.
//
// Each command is a file of its own and sees the world only through an [app]: streams, environment and settings are
// handed in, so that tests run the real commands in process. Commands other than serve speak to a server by HTTP
// alone; `doctor` may also look at the data directory of the machine it runs on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
)

// version is set when a release is built.
var version = "dev"

func main() { os.Exit(run()) }

// run runs the command line of this process and returns its exit code.
func run() int {
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, self: os.Args[0], getenv: os.Getenv, configDir: os.UserConfigDir,
		terminal: func(w io.Writer) bool {
			f, ok := w.(*os.File)
			return ok && isatty.IsTerminal(f.Fd())
		},
	}
	return a.main(os.Args[1:])
}

// app is what a command sees of the world.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	self           string // how a person starts this program again
	getenv         func(string) string
	terminal       func(io.Writer) bool   // whether a person looks at it
	configDir      func() (string, error) // of the user's configuration; nil: there is none
	vocabulary     func() error           // what is wrong with the events of this program; nil: domain.CheckVocabulary

	set    *settings // where the values of flags come from
	global globalFlags
	// profileWorkspace is where to work, as the profile has it that the key was taken from.
	profileWorkspace string
	// shown is the moment of what was read last.
	shown shownMoment
}

// main runs one command. The first interrupt asks it to end, the second ends it.
func (a *app) main(args []string) int {
	ctx, interrupted, stop := interruptible()
	defer stop()
	root := a.root()
	completion(root)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	select {
	case <-interrupted:
		if errors.Is(err, context.Canceled) {
			err = errInterrupted
		}
	default:
	}
	if err == nil {
		return exitOK
	}
	f := failureOf(err)
	a.printFailure(f)
	return f.Exit
}

// interruptible ends its context at the first SIGINT or SIGTERM and the process at the second.
func interruptible() (ctx context.Context, interrupted <-chan struct{}, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
			return
		}
		close(done)
		cancel()
		<-signals
		fmt.Fprintln(os.Stderr, "annals: interrupted again: ending at once")
		os.Exit(exitInterrupted)
	}()
	return ctx, done, func() { signal.Stop(signals); cancel() }
}
