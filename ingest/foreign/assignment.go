package foreign

import "strings"

// cutAssignments cuts the values of options so named, in all the ways that texts write them: password=x, password='x',
// password = 'x', 'password' = 'x', "password": "x", and the last with its quotes escaped. A bare value stands directly
// behind its equals sign: a.token = b.token compares two columns. Texts can be megabytes of plans and statements, so
// this is a walk from one sign to the next rather than a regular expression.
func cutAssignments(text string, identity bool) (string, bool) {
	var out strings.Builder
	from := 0
	for at := 0; at < len(text); at++ {
		next := strings.IndexAny(text[at:], "=:")
		if next < 0 {
			break
		}
		at += next
		name, close := optionBefore(text[from:at])
		if name == "" {
			continue
		}
		first, last := valueBehind(text, at, close)
		if first == last || !namesSecretOption(name, identity) || marked(text[first:last]) {
			continue
		}
		out.WriteString(text[from:first])
		out.WriteString(Marker)
		from, at = last, last-1
	}
	if from == 0 {
		return text, false
	}
	out.WriteString(text[from:])
	return out.String(), true
}

// maxOption is the longest name of an option that is looked at.
const maxOption = 200

// optionBefore is the identifier at the end of a text, behind it at most quotes and white space; close says that there
// is nothing behind it.
func optionBefore(text string) (name string, close bool) {
	bare := strings.TrimRight(text, " \t\r\n")
	bare = strings.TrimSuffix(strings.TrimSuffix(bare, `"`), "'")
	bare = strings.TrimRight(bare, `\`)
	begin := len(bare)
	for begin > 0 && len(bare)-begin < maxOption && isOption(bare[begin-1]) {
		begin--
	}
	return bare[begin:], len(bare) == len(text)
}

func isOption(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' || c == '.' || c == '-'
}

// valueBehind finds the value behind the sign at a place of a text: from first up to last, equal where there is none.
func valueBehind(text string, sign int, close bool) (first, last int) {
	first = sign + 1
	for first < len(text) && strings.IndexByte(" \t\r\n", text[first]) >= 0 {
		first++
	}
	open := first
	for open < len(text) && text[open] == '\\' {
		open++
	}
	if open < len(text) && (text[open] == '"' || text[open] == '\'' && open == first) {
		ends := `"\`
		if text[open] == '\'' {
			ends = "'"
		}
		length := strings.IndexAny(text[open+1:], ends)
		if length < 0 {
			return open, open
		}
		return open + 1, open + 1 + length
	}
	if !close || text[sign] != '=' || first != sign+1 {
		return first, first
	}
	length := strings.IndexAny(text[first:], " \t\r\n\v\f;&\"',)}]\\")
	if length < 0 {
		length = len(text) - first
	}
	return first, first + length
}
