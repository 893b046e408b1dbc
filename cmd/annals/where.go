package main

import (
	"regexp"
	"strings"
	"time"
)

// splitAnd takes conditions apart that are joined by the word and, outside of quotes and parentheses.
func splitAnd(text string) []string {
	var parts []string
	depth, quote, begin := 0, byte(0), 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"', c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && joins(text[i:]):
			parts = append(parts, text[begin:i])
			begin = i + len(" and")
		}
	}
	return append(parts, text[begin:])
}

// joins says whether a text begins with the word and, in white space.
func joins(text string) bool {
	return len(text) > 4 && isBlank(text[0]) && strings.EqualFold(text[1:4], "and") && isBlank(text[4])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// fieldShape is a condition on a field that every run has.
var fieldShape = regexp.MustCompile(`^\s*(status|pipeline|tags?|started|ended|created|id|name)(?:\.([^\s=<>!]+))?\s*(!=|==|=|<=|>=|<|>|(?i:\s(?:in|exists)\b))\s*(.*?)\s*$`)

// addCondition puts one condition into a filter of runs.
func addCondition(filter map[string]any, text string) error {
	m := fieldShape.FindStringSubmatch(text)
	if m == nil {
		c, err := parseCondition(text)
		if err != nil {
			return err
		}
		list, _ := filter[c.of].([]map[string]any)
		filter[c.of] = append(list, c.input())
		return nil
	}
	values, err := wordsOf(text, strings.ToLower(strings.TrimSpace(m[3])), m[4])
	if err != nil {
		return err
	}
	return addField(filter, text, m[1], m[2], operators[strings.ToLower(strings.TrimSpace(m[3]))], values)
}

// wordsOf are the words that a field is compared with: one, or a list in parentheses.
func wordsOf(text, op, rest string) ([]string, error) {
	if op == "exists" {
		return nil, nil
	}
	words := []string{rest}
	if op == "in" {
		inside, ok := strings.CutPrefix(rest, "(")
		inside, ok2 := strings.CutSuffix(inside, ")")
		if !ok || !ok2 {
			return nil, usage("--where %q: in takes a list: in (a, b)", text)
		}
		words = strings.Split(inside, ",")
	}
	for i, w := range words {
		w = strings.TrimSpace(w)
		if plain, err := unquoted(w); err == nil {
			w = plain
		}
		if words[i] = strings.Trim(w, `'`); words[i] == "" {
			return nil, usage("--where %q: the value to compare with is missing", text)
		}
	}
	return words, nil
}

func addField(filter map[string]any, text, name, key, op string, words []string) error {
	more := func(field string, values []string) error {
		list, _ := filter[field].([]string)
		filter[field] = append(list, values...)
		return nil
	}
	switch {
	case name == "status" && (op == "EQ" || op == "IN") && filter["statuses"] == nil:
		return more("statuses", upper(words))
	case name == "status" && op == "NE":
		return more("excludeStatuses", upper(words))
	case name == "pipeline" && (op == "EQ" || op == "IN") && filter["pipelines"] == nil:
		return more("pipelines", words)
	case strings.HasPrefix(name, "tag") && key != "" && op == "EXISTS":
		return more("tags", []string{key})
	case strings.HasPrefix(name, "tag") && op == "EQ":
		return more("tags", []string{tagWord(key, words[0])})
	case strings.HasPrefix(name, "tag") && op == "NE":
		return more("excludeTags", []string{tagWord(key, words[0])})
	case name == "id" && op == "EQ":
		filter["runId"] = words[0]
		return nil
	case name == "name" && op == "EQ":
		filter["text"] = words[0]
		return nil
	case op == "GT" || op == "GTE" || op == "LT" || op == "LTE":
		return addTime(filter, text, name, op, words[0])
	}
	return usage("--where %q: %s cannot be asked that", text, name).
		with("status, pipeline, tags.KEY, id and name are compared by =, some by != and in; started, ended and created by < and >")
}

func tagWord(key, word string) string {
	if key == "" {
		return word
	}
	return key + "=" + word
}

// addTime bounds a time: the bounds of a filter leave the moment itself out, >= and <= take it in.
func addTime(filter map[string]any, text, name, op, word string) error {
	if name != "started" && name != "ended" && name != "created" {
		return usage("--where %q: %s is no time", text, name)
	}
	t, err := parseTime(word)
	if err != nil {
		return err
	}
	side := "After"
	if op[0] == 'L' {
		side = "Before"
	}
	switch op {
	case "GTE":
		t = t.Add(-time.Microsecond)
	case "LTE":
		t = t.Add(time.Microsecond)
	}
	filter[name+side] = t.UTC()
	return nil
}
