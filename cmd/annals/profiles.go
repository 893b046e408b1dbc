package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A profile is a server that somebody signed in to, and the key they got there.
type profile struct {
	URL       string `yaml:"url"`
	Key       string `yaml:"key"`
	Workspace string `yaml:"workspace,omitempty"` // to work in; without one, that of the key
	Account   string `yaml:"account,omitempty"`
	Name      string `yaml:"name,omitempty"` // of the person
}

// profiles is the file of them: config.yaml in the user's directory for configuration, for its owner alone.
type profiles struct {
	Current  string             `yaml:"current"`
	Profiles map[string]profile `yaml:"profiles"`
}

// profilesFile is the path of the file; "" where the user has no directory for it.
func (a *app) profilesFile() string {
	if dir := a.getenv("ANNALS_CONFIG_DIR"); dir != "" {
		return filepath.Join(dir, "config.yaml")
	}
	if a.configDir == nil {
		return ""
	}
	dir, err := a.configDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "annals", "config.yaml")
}

// loadProfiles reads the file; where there is none there are no profiles.
func (a *app) loadProfiles() (profiles, error) {
	all := profiles{Profiles: map[string]profile{}}
	path := a.profilesFile()
	if path == "" {
		return all, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = yaml.Unmarshal(text, &all)
	}
	if err != nil {
		return all, (&failure{Exit: exitFailed, Code: "profiles_unreadable", Message: fmt.Sprintf("the profiles in %s cannot be read: %v", path, err)}).with("mend or remove the file; `annals login` writes another")
	}
	if all.Profiles == nil {
		all.Profiles = map[string]profile{}
	}
	return all, nil
}

// saveProfiles writes the file, whole or not at all: there are keys in it.
func (a *app) saveProfiles(all profiles) error {
	path := a.profilesFile()
	if path == "" {
		return (&failure{Exit: exitFailed, Code: "no_config_dir", Message: "there is no directory to keep profiles in"}).with("say one by ANNALS_CONFIG_DIR")
	}
	text, err := yaml.Marshal(all)
	if err != nil {
		return fmt.Errorf("write the profiles: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the profiles: %w", err)
	}
	return writeFile(filepath.Dir(path), filepath.Base(path), string(text), 0o600)
}

// chosen is the profile that was asked for by name: ok is false where none was.
func (a *app) chosen() (p profile, ok bool, err error) {
	if a.global.profile == "" {
		return profile{}, false, nil
	}
	all, err := a.loadProfiles()
	if err != nil {
		return profile{}, false, err
	}
	p, ok = all.Profiles[a.global.profile]
	if !ok {
		return profile{}, false, noProfile(a.global.profile, all)
	}
	return p, true, nil
}

func noProfile(name string, all profiles) error {
	f := usage("there is no profile %q", name).with("`annals login URL --profile %s` makes it", name)
	f.Candidates = slices.Sorted(maps.Keys(all.Profiles))
	return f
}

// current is the profile that is used where nothing else says which server is meant.
func (a *app) current() (profile, bool, error) {
	all, err := a.loadProfiles()
	if err != nil {
		return profile{}, false, err
	}
	p, ok := all.Profiles[all.Current]
	return p, ok, nil
}

// profileOf is a profile of that server, the current one before others: its key goes to that server and to no other.
func (a *app) profileOf(address string) (profile, bool, error) {
	all, err := a.loadProfiles()
	if err != nil {
		return profile{}, false, err
	}
	if p, ok := all.Profiles[all.Current]; ok && sameServer(p.URL, address) {
		return p, true, nil
	}
	for _, name := range slices.Sorted(maps.Keys(all.Profiles)) {
		if p := all.Profiles[name]; sameServer(p.URL, address) {
			return p, true, nil
		}
	}
	return profile{}, false, nil
}

func sameServer(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// serverPlace reads the address of a server, or of a workspace of it: https://HOST/workspaces/SLUG.
func serverPlace(text string) (address, workspace string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", usage("%q is no address of a server", text).with("write it as https://HOST, or https://HOST/workspaces/SLUG to work in that workspace")
	}
	path := strings.TrimSuffix(u.Path, "/")
	if before, slug, ok := strings.Cut(path, "/workspaces/"); ok && !strings.Contains(slug, "/") {
		path, workspace = before, slug
	} else if before, slug, ok := strings.Cut(path, "/tenants/"); ok && !strings.Contains(slug, "/") {
		path, workspace = before, slug
	}
	u.Path = path
	return strings.TrimSuffix(u.String(), "/"), workspace, nil
}
