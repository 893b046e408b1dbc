package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// nobody is the user PostgreSQL becomes when we are root and the cluster has no owner yet. initdb wants a user
// with a name, and not every system gives this number one: macOS has another nobody.
const nobody = 65534

// nobodyHere is the first of a few unprivileged users that this machine knows by name.
func nobodyHere() *unprivileged {
	candidates := []func() (*user.User, error){
		func() (*user.User, error) { return user.LookupId(strconv.Itoa(nobody)) },
		func() (*user.User, error) { return user.Lookup("nobody") },
		func() (*user.User, error) { return user.Lookup("daemon") },
	}
	for _, lookup := range candidates {
		found, err := lookup()
		if err != nil {
			continue
		}
		uid, errUID := parseID(found.Uid)
		gid, errGID := parseID(found.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return &unprivileged{uid: uid, gid: gid}
		}
	}
	return &unprivileged{uid: nobody, gid: nobody}
}

// parseID reads an id that may be written as a negative number: nobody is -2 on macOS.
func parseID(text string) (int, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	return int(uint32(id)), err
}

// unprivileged is the user that runs PostgreSQL when we are root; nil means we ourselves do.
type unprivileged struct{ uid, gid int }

// unprivilegedUser chooses it: who owns the cluster already, so that root may start what a user created,
// and nobody otherwise. It is nil unless we are root.
func unprivilegedUser(dataDir string) (*unprivileged, error) {
	cluster := filepath.Join(dataDir, "postgres")
	info, err := os.Stat(cluster)
	if os.Getuid() != 0 {
		if err == nil && ownerOf(info) != os.Getuid() {
			return nil, fmt.Errorf("the database in %s belongs to user %d and you are user %d: start it as that user, or as root", cluster, ownerOf(info), os.Getuid())
		}
		return nil, nil
	}
	if err == nil && ownerOf(info) != 0 {
		return &unprivileged{uid: ownerOf(info), gid: groupOf(info)}, nil
	}
	return nobodyHere(), nil
}

// attributes gives a child its own process group, so that Ctrl-C in a terminal reaches us and not PostgreSQL,
// and the user it runs as.
func (u *unprivileged) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if u != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}
	}
	return attr
}

// own hands a file or directory over to the user.
func (u *unprivileged) own(path string) error {
	if u == nil {
		return nil
	}
	if err := os.Lchown(path, u.uid, u.gid); err != nil {
		return fmt.Errorf("hand %s over to user %d: %w", path, u.uid, err)
	}
	return nil
}

// canEnter asks the kernel instead of adding up mode bits, since access lists and mounts have a say too: a
// child with the user's credential changes its directory before it runs.
func (u *unprivileged) canEnter(ctx context.Context, dir string) bool {
	if u == nil {
		return true
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", ":")
	cmd.Dir = dir
	cmd.Env = childEnv()
	cmd.SysProcAttr = u.attributes()
	return cmd.Run() == nil
}

// childEnv is all PostgreSQL gets of our environment. LC_ALL matters: an empty LANG gives a cluster in
// SQL_ASCII, a foreign one translates messages, and PGDATA or PGPORT of the user's would win over us.
func childEnv() []string {
	env := []string{"LC_ALL=C", "LANG=C", "TZ=UTC", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
	if path := os.Getenv("PATH"); path != "" {
		env[3] = "PATH=" + path
	}
	return env
}

// forgetClientVariables is needed since a connection string cannot switch all of them off.
func forgetClientVariables() {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name)
		}
	}
}

func ownerOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }
func groupOf(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Gid) }
