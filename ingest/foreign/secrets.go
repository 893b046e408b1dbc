package foreign

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// Marker stands where a credential was.
const Marker = "***"

// hint says what a text might hold. Finding hints is one cheap pass; only a text with the right ones meets a regular
// expression.
type hint uint16

const (
	hintAt     hint = 1 << iota // an @, as in user:password@host
	hintWord                    // a word that names secrets
	hintPEM                     // a private key block
	hintAWS                     // an access key id
	hintBearer                  // an Authorization header
	hintKnown                   // the beginning of a token of a known maker
	hintSQL                     // a statement that sets a password
)

// hintWords are looked for without regard to case. All have two characters or more.
var hintWords = map[string]hint{
	"passw": hintWord, "passphrase": hintWord, "_pass": hintWord, "dbpass": hintWord, "pwd": hintWord, "secret": hintWord, "token": hintWord,
	"api_key": hintWord, "apikey": hintWord, "api-key": hintWord, "api.key": hintWord,
	"access_key": hintWord, "accesskey": hintWord, "access-key": hintWord, "access.key": hintWord,
	"account_key": hintWord, "accountkey": hintWord, "account.key": hintWord,
	"private_key": hintWord, "privatekey": hintWord, "private-key": hintWord,
	"credential": hintWord, "signature": hintWord, "sig=": hintWord, "identified": hintSQL,
	"password ": hintSQL, "password\t": hintSQL, "password\n": hintSQL, "password\r": hintSQL,
	"environmentvariables": hintWord, "authorization": hintWord | hintBearer, "bearer": hintBearer,
	"private key": hintPEM, "akia": hintAWS, "asia": hintAWS,
	"ghp_": hintKnown, "gho_": hintKnown, "ghu_": hintKnown, "ghs_": hintKnown, "ghr_": hintKnown, "github_pat_": hintKnown, "glpat-": hintKnown,
	"xox": hintKnown, "aiza": hintKnown, "eyj": hintKnown, "dapi": hintKnown, "sk-": hintKnown, "hf_": hintKnown,
}

// hinter finds hints: pairs has a bit for the first two bytes of each word; lists has the rest of the words that begin
// with a pair, at the place that list names.
type hinter struct {
	lower [256]byte
	pairs [1 << 10]uint64
	list  [1 << 16]uint8
	lists [][]hintTail
}

type hintTail struct {
	tail string
	hint hint
}

var hints = newHinter()

func newHinter() *hinter {
	h := &hinter{lists: [][]hintTail{nil}}
	for c := range h.lower {
		h.lower[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			h.lower[c] = byte(c) | 0x20
		}
	}
	for word, hint := range hintWords {
		pair := uint16(word[0])<<8 | uint16(word[1])
		h.pairs[pair>>6] |= 1 << (pair & 63)
		if h.list[pair] == 0 {
			h.list[pair], h.lists = uint8(len(h.lists)), append(h.lists, nil)
		}
		h.lists[h.list[pair]] = append(h.lists[h.list[pair]], hintTail{word[2:], hint})
	}
	return h
}

// in are the hints of a text.
func (h *hinter) in(text []byte) hint {
	var found hint
	if bytes.IndexByte(text, '@') >= 0 {
		found = hintAt
	}
	if len(text) < 3 {
		return found
	}
	pair := uint16(h.lower[text[0]])
	for i, c := range text[1:] {
		pair = pair<<8 | uint16(h.lower[c])
		if h.pairs[pair>>6]&(1<<(pair&63)) == 0 {
			continue
		}
		for _, word := range h.lists[h.list[pair]] {
			if h.has(text[i+2:], word.tail) {
				found |= word.hint
			}
		}
	}
	return found
}

func (h *hinter) has(text []byte, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if h.lower[text[i]] != prefix[i] {
			return false
		}
	}
	return true
}

// A pattern finds credentials inside a text. What its last group matched is the secret; secret, if set, looks at the
// groups once more and says whether it is one.
type pattern struct {
	rule    string
	needs   hint
	shape   *regexp.Regexp
	secret  func(groups []string, identity bool) bool
	cutsAll bool // the whole match is the secret
}

var patterns = []pattern{
	{rule: "private_key", needs: hintPEM, cutsAll: true,
		shape: regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)`)},
	{rule: "url_password", needs: hintAt,
		shape: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.\-]*://[^\s/?#@:"'<>\x60]*:([^\s/?"'<>\x60]*)@`)},
	{rule: "oracle_password", needs: hintAt, shape: regexp.MustCompile(`(?i)jdbc:oracle:[a-z]+:[^/\s@:"']+/([^@\s"']+)@`)},
	{rule: "aws_access_key", needs: hintAWS, cutsAll: true, shape: regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
	{rule: "known_token", needs: hintKnown, cutsAll: true, shape: regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_\-]{20,}` +
		`|xox[abeoprs]-[A-Za-z0-9\-]{10,}|AIza[A-Za-z0-9_\-]{35}|dapi[0-9a-f]{32}|sk-(?:proj-|ant-)?[A-Za-z0-9_]{20,}|hf_[A-Za-z]{30,}` +
		`|eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*)`)},
	{rule: "authorization", needs: hintBearer,
		shape: regexp.MustCompile(`(?i)\bauthorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:basic|bearer|token|digest)\s+)?([^\s"'\\,;]+)`)},
	{rule: "bearer", needs: hintBearer, secret: looksRandom, shape: regexp.MustCompile(`(?i)\bbearer\s+([A-Za-z0-9._~+/=\-]{6,})`)},
	{rule: "sql_password", needs: hintSQL,
		shape: regexp.MustCompile(`(?i)\b(?:identified\s+by|password)\s+(?:'([^']*)'|"([^"]*)")`)},
	{rule: "option", needs: hintWord, secret: named,
		shape: regexp.MustCompile(`--([A-Za-z0-9_.\-]+)\s+([^\s\-'"][^\s'"]*)`)},
}

func named(groups []string, identity bool) bool { return namesSecretOption(groups[1], identity) }

// namesSecretOption is namesSecret for what stands before = or : in a text.
func namesSecretOption(name string, identity bool) bool {
	if identity && strings.EqualFold(name, "token") {
		return false // a partition of a table, token=abc, is a name before it is a secret
	}
	return namesSecret(name) || strings.EqualFold(name, "sig") || strings.HasSuffix(strings.ToLower(name), "signature")
}

// looksRandom tells a bearer token from the word after "bearer" in a sentence.
func looksRandom(groups []string, _ bool) bool {
	token := groups[len(groups)-1]
	return len(token) >= 24 || strings.ContainsFunc(token, unicode.IsDigit)
}

// cut replaces the credentials in a text and says by which rules. Identities meet the same rules, but for those that
// a plain name could break.
func cut(text string, found hint, identity bool) (string, []string) {
	var rules []string
	for i := range patterns {
		p := &patterns[i]
		if found&p.needs == 0 {
			continue
		}
		if now, hit := p.cut(text, identity); hit {
			text, rules = now, append(rules, p.rule)
		}
	}
	if found&hintWord != 0 {
		if now, hit := cutAssignments(text, identity); hit {
			text, rules = now, append(rules, "assignment")
		}
	}
	return text, rules
}

func (p *pattern) cut(text string, identity bool) (string, bool) {
	matches := p.shape.FindAllStringSubmatchIndex(text, -1)
	if matches == nil {
		return text, false
	}
	var out strings.Builder
	from := 0
	for _, m := range matches {
		first, last := m[0], m[1]
		if !p.cutsAll {
			for g := len(m) - 2; g > 0; g -= 2 { // the last group that took part
				if first, last = m[g], m[g+1]; first >= 0 {
					break
				}
			}
		}
		if first < from || marked(text[first:last]) || p.secret != nil && !p.secret(groups(text, m), identity) {
			continue
		}
		out.WriteString(text[from:first])
		out.WriteString(Marker)
		from = last
	}
	if from == 0 {
		return text, false
	}
	out.WriteString(text[from:])
	return out.String(), true
}

func groups(text string, m []int) []string {
	var all []string
	for g := 0; g < len(m); g += 2 {
		if m[g] >= 0 {
			all = append(all, text[m[g]:m[g+1]])
		}
	}
	return all
}

// marked says that there is nothing to cut: an empty value, one that we or the producer masked before, or a
// reference to where the secret lies.
func marked(secret string) bool {
	return strings.Trim(secret, "*xX.") == "" || strings.Contains(strings.ToLower(secret), "redacted") ||
		strings.HasPrefix(secret, "${") && strings.IndexByte(secret, '}') == len(secret)-1 || strings.HasPrefix(secret, "{{") && strings.HasSuffix(secret, "}}")
}

// namesSecret says that a key, option or variable of that name holds a secret.
func namesSecret(name string) bool {
	words := nameWords(name)
	if len(words) == 0 {
		return false
	}
	joined := strings.Join(words, "")
	for _, part := range [...]string{"password", "passwd", "passphrase", "secret", "apikey", "accesskey", "accountkey", "privatekey", "authorization"} {
		if strings.Contains(joined, part) {
			return true
		}
	}
	switch last := words[len(words)-1]; last {
	case "token", "credential", "credentials":
		return true
	case "pass", "pwd":
		return len(words) > 1 || name != strings.ToUpper(name) // PWD is the working directory
	}
	return false
}

// namesSecretVariable is namesSecret for environment variables, where a name that ends in KEY holds one too.
func namesSecretVariable(name string) bool {
	words := nameWords(name)
	return namesSecret(name) || len(words) > 0 && words[len(words)-1] == "key"
}

// nameWords are the words of an identifier, in lower case: spark.ssl.keyPassword has four.
func nameWords(name string) []string {
	var words []string
	from := 0
	flush := func(to int) {
		if to > from {
			words = append(words, strings.ToLower(name[from:to]))
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' || c == '-' || c == '.' || c == ' ' || c == '/' || c == ':':
			flush(i)
			from = i + 1
		case c >= 'A' && c <= 'Z' && i > from && name[i-1] >= 'a' && name[i-1] <= 'z':
			flush(i)
			from = i
		}
	}
	flush(len(name))
	return words
}
