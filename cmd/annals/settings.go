package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

// Settings are the flags that may also come from the environment (--data: ANNALS_DATA) and from a file (data: ./d).
// A flag wins over the environment, the environment over the file, the file over the default.

// The marks that settings carry among the flags of a command.
const (
	markSetting = "annals.setting" // the value: where it may be read
	markSecret  = "annals.secret"  // never printed
	defaultFile = "annals.yaml"
)

// setting marks a flag as a setting.
func setting(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		mark(fs, name, markSetting)
	}
}

// secret marks settings whose values are not shown.
func secret(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		mark(fs, name, markSecret)
	}
}

func mark(fs *pflag.FlagSet, name, mark string) {
	if err := fs.SetAnnotation(name, mark, []string{"true"}); err != nil {
		panic(err) // a flag that was not declared: a fault of this program
	}
}

// envOf is the environment variable of a setting.
func envOf(name string) string {
	return "ANNALS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// settings fills flags in and remembers where each value came from.
type settings struct {
	getenv func(string) string
	path   string            // of the file; empty: there is none
	file   map[string]string // what it says
	source map[string]string // setting -> "flag", "environment ANNALS_X", "file PATH", "default"
}

// load reads the file: the one named by --config or ANNALS_CONFIG, else annals.yaml where there is one.
func (s *settings) load(cmd *cobra.Command) error {
	s.file, s.source = map[string]string{}, map[string]string{}
	flag := cmd.Flags().Lookup("config")
	s.path = s.getenv(envOf("config"))
	if flag != nil && flag.Changed {
		s.path = flag.Value.String()
	}
	named := s.path != ""
	if !named {
		s.path = defaultFile
	}
	text, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		s.path = ""
		return nil
	case err != nil:
		return usage("the configuration cannot be read: %v", err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		return usage("%s is not YAML of the form `setting: value`: %v", s.path, err)
	}
	for name, v := range values {
		s.file[name] = text1(v)
	}
	return nil
}

// text1 is a value of the file as a flag takes it.
func text1(v any) string {
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, one := range list {
			parts[i] = fmt.Sprint(one)
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}

// apply gives every setting of the command its value. known are the names of all settings there are: what the file
// says besides them is a slip of somebody's.
func (s *settings) apply(cmd *cobra.Command, known map[string]bool) error {
	if err := s.load(cmd); err != nil {
		return err
	}
	for name := range s.file {
		if !known[name] {
			return usage("%s sets %q, and there is no such setting", s.path, name).with("`annals config` lists them all")
		}
	}
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if failed == nil && f.Annotations[markSetting] != nil {
			failed = s.fill(f)
		}
	})
	return failed
}

func (s *settings) fill(f *pflag.Flag) error {
	from, value := "default", ""
	switch {
	case f.Changed:
		from = "flag"
	case s.getenv(envOf(f.Name)) != "":
		from, value = "environment "+envOf(f.Name), s.getenv(envOf(f.Name))
	case has(s.file, f.Name):
		from, value = "file "+s.path, s.file[f.Name]
	}
	s.source[f.Name] = from
	if from == "flag" || from == "default" {
		return nil
	}
	if err := f.Value.Set(value); err != nil {
		shown := fmt.Sprintf("%q ", value)
		if f.Annotations[markSecret] != nil {
			shown = ""
		}
		return usage("%sis no value of %s, from %s: %v", shown, f.Name, from, err)
	}
	return nil
}

func has(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// shownValue is the value of a setting for people's eyes: secrets are covered, and so are passwords inside addresses.
func shownValue(f *pflag.Flag) string {
	v := f.Value.String()
	if f.Annotations[markSecret] == nil || v == "" {
		return v
	}
	if u, err := url.Parse(v); err == nil && u.Host != "" {
		return u.Redacted()
	}
	return "(set)"
}

func (a *app) configCommand(known func() []*pflag.FlagSet) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show every setting, its value, and where the value comes from",
		Long: `Show every setting, its value, and where the value comes from.

A setting is a flag (--data DIR), an environment variable (ANNALS_DATA=DIR) or a line of the
configuration file (data: DIR): the first of these that is there wins. The file is the one that
--config or ANNALS_CONFIG names, or annals.yaml in the current directory.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.showConfig(cmd) },
	}
	for _, fs := range known() {
		cmd.Flags().AddFlagSet(fs)
	}
	return cmd
}

// settingRow is a line of `annals config`.
type settingRow struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	Source      string `json:"source"`
	Environment string `json:"environment"`
	Usage       string `json:"usage"`
}

func (a *app) showConfig(cmd *cobra.Command) error {
	var rows []any
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[markSetting] != nil {
			rows = append(rows, settingRow{f.Name, shownValue(f), a.set.source[f.Name], envOf(f.Name), f.Usage})
		}
	})
	if a.set.path != "" {
		fmt.Fprintf(a.stderr, "configuration file: %s\n", a.set.path)
	}
	return a.printList(listOf(rows), []column{
		{"SETTING", field("name")}, {"VALUE", field("value")}, {"FROM", field("source")}, {"ENVIRONMENT", field("environment")},
	})
}

// names of the settings in some sets of flags.
func settingNames(sets []*pflag.FlagSet) map[string]bool {
	out := map[string]bool{}
	for _, fs := range sets {
		fs.VisitAll(func(f *pflag.Flag) {
			if f.Annotations[markSetting] != nil {
				out[f.Name] = true
			}
		})
	}
	return out
}

// oneOf is a flag with a closed list of values.
type oneOf struct {
	value *string
	of    []string
}

func (o oneOf) String() string {
	if o.value == nil {
		return ""
	}
	return *o.value
}
func (o oneOf) Type() string { return strings.Join(o.of, "|") }
func (o oneOf) Set(s string) error {
	if !slices.Contains(o.of, s) {
		return fmt.Errorf("choose of %s", strings.Join(o.of, ", "))
	}
	*o.value = s
	return nil
}
