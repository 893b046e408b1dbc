package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// laptop runs commands as somebody does who has signed in nowhere yet.
type laptop struct {
	dir string // of his configuration
}

func (l laptop) run(errs *buffer, stdin string, args ...string) (stdout string, exit int) {
	var out buffer
	a := &app{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: errs, terminal: func(io.Writer) bool { return false },
		getenv: func(name string) string {
			return map[string]string{"ANNALS_CONFIG_DIR": l.dir, "ANNALS_DATA": filepath.Join(l.dir, "no-instance")}[name]
		},
	}
	exit = a.main(args)
	return out.String(), exit
}

var codeText = regexp.MustCompile(`Your code is  ([B-Z]{4}-[B-Z]{4})\n`)

// A person signs the command line in by his browser: the page says who asks for what and waits for his word, the key is
// kept for him alone, and logging out ends it.
func TestSigningTheCommandLineIn(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := newBrowser(t, s.URL)
	if status, page := b.post("/login/link", "token", s.newLink(t)); status != 200 {
		t.Fatalf("the link: %d %s", status, page)
	}
	l := laptop{t.TempDir()}
	type result struct {
		out  string
		exit int
	}
	var errs buffer
	done := make(chan result, 1)
	go func() {
		out, exit := l.run(&errs, "", "login", s.URL+"/workspaces/default", "--profile", "mine", "-o", "json")
		done <- result{out, exit}
	}()
	var code string
	for code == "" {
		select {
		case r := <-done:
			t.Fatalf("login ended: %+v %s", r, errs.String())
		default:
		}
		if found := codeText.FindStringSubmatch(errs.String()); found != nil {
			code = found[1]
			break
		}
		pause()
	}
	if status, page := b.get("/device?user_code=" + code); status != 200 || !strings.Contains(page, code) || strings.Contains(page, "Let it in") {
		t.Fatalf("the page with the code in its address asks nothing yet: %d %s", status, page)
	}
	status, page := b.post("/device", "user_code", strings.ToLower(code))
	for _, word := range []string{clientName, "everything that you may do", s.URL, "Let it in", "Deny"} {
		if status != 200 || !strings.Contains(page, word) {
			t.Fatalf("the page does not say %q: %d %s", word, status, page)
		}
	}
	if status, page := b.post("/device", "user_code", code, "decision", "approve"); status != 200 || !strings.Contains(page, "Done") {
		t.Fatalf("approved: %d %s", status, page)
	}
	r := <-done
	if r.exit != 0 || !strings.Contains(r.out, `"workspace":"default"`) {
		t.Fatalf("login: %+v %s", r, errs.String())
	}
	file := filepath.Join(l.dir, "config.yaml")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v; want mode 0600", file, info, err)
	}
	kept := readFile(t, file)
	key := regexp.MustCompile(`annals_pat_\w+`).FindString(kept)
	if key == "" || strings.Contains(r.out+errs.String(), key) {
		t.Errorf("the key is not kept, or shown: %s", kept)
	}

	for _, tt := range []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"whoami"}, 0, "works in:             default"},
		{[]string{"whoami", "--profile", "mine", "-o", "json"}, 0, `"operator":true`},
		{[]string{"whoami", "--profile", "other"}, exitUsage, ""},
		{[]string{"profile", "list"}, 0, "mine"},
		{[]string{"profile", "use", "mine"}, 0, "mine"},
		{[]string{"workspace", "list", "--url", s.URL}, 0, "default"},                  // the profile of that server
		{[]string{"whoami", "--url", "http://127.0.0.1:1"}, exitAuth, ""},              // its key goes nowhere else
		{[]string{"whoami", "--url", s.URL + "x", "--profile", "mine"}, exitUsage, ""}, // nor where it is told to
	} {
		var errs buffer
		if out, exit := l.run(&errs, "", tt.args...); exit != tt.exit || !strings.Contains(out, tt.want) {
			t.Errorf("%v: %d %s %s, want %d %s", tt.args, exit, out, errs.String(), tt.exit, tt.want)
		}
	}
	if out, exit := l.run(&errs, "", "logout"); exit != 0 || !strings.Contains(out, "mine") {
		t.Errorf("logout: %d %s %s", exit, out, errs.String())
	}
	if status, _, _ := s.call(t, "GET", "/v1/whoami", key, ""); status != 401 {
		t.Errorf("the key after logging out: %d", status)
	}
	if strings.Contains(readFile(t, file), key) {
		t.Error("the key is still in the file")
	}
	if _, exit := l.run(&errs, s.Key, "login", s.URL, "--with-key"); exit != 0 {
		t.Errorf("login --with-key: %s", errs.String())
	}
	if out, exit := l.run(&errs, "", "login", s.URL+"/workspaces/nowhere", "--with-key"); exit == 0 {
		t.Errorf("login without a key on standard input: %s", out)
	}
	if _, exit := l.run(&errs, s.Key, "login", s.URL+"/workspaces/nowhere", "--with-key"); exit != exitNotFound {
		t.Errorf("login to a workspace that is not there: %d %s", exit, errs.String())
	}
}
