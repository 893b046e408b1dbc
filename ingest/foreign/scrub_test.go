package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestScrub(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter9"
	for name, tt := range map[string]struct {
		body string // S stands for a secret
		want string // "" is: nothing is cut
		rule string
	}{
		"a password in a URL":            {`{"uri":"postgres://etl:S@db:5432/x"}`, `{"uri":"postgres://etl:***@db:5432/x"}`, "url_password"},
		"a password with @ and :":        {`{"uri":"https://etl:a@b:S@db/x"}`, `{"uri":"https://etl:***@db/x"}`, "url_password"},
		"a password without user":        {`{"uri":"redis://:S@cache:6379"}`, `{"uri":"redis://:***@cache:6379"}`, "url_password"},
		"in the middle of a text":        {`{"m":"cannot open jdbc:postgresql://u:S@h/d, gave up"}`, `{"m":"cannot open jdbc:postgresql://u:***@h/d, gave up"}`, "url_password"},
		"in a namespace":                 {`{"namespace":"mysql://u:S@h:3306","name":"a.b"}`, `{"namespace":"mysql://u:***@h:3306","name":"a.b"}`, "url_password"},
		"in a key":                       {`{"by":{"s3://k:S@bucket":1,"s3://k:other9S@bucket":2}}`, `{"by":{"s3://k:***@bucket (0)":1,"s3://k:***@bucket (1)":2}}`, "url_password"},
		"a thin client of Oracle":        {`{"u":"jdbc:oracle:thin:scott/S@//h:1521/x"}`, `{"u":"jdbc:oracle:thin:scott/***@//h:1521/x"}`, "oracle_password"},
		"a JDBC property":                {`{"u":"jdbc:sqlserver://h;user=sa;password=S;encrypt=true"}`, `{"u":"jdbc:sqlserver://h;user=sa;password=***;encrypt=true"}`, "assignment"},
		"a query parameter":              {`{"u":"https://h/p?a=1&access_token=S&b=2"}`, `{"u":"https://h/p?a=1&access_token=***&b=2"}`, "assignment"},
		"a shared access signature":      {`{"u":"wasbs://c@a.blob/x?sv=1&sig=S"}`, `{"u":"wasbs://c@a.blob/x?sv=1&sig=***"}`, "assignment"},
		"a signed request":               {`{"name":"s3://b/x?X-Amz-Signature=S"}`, `{"name":"s3://b/x?X-Amz-Signature=***"}`, "assignment"},
		"an option of a connector":       {`{"q":"WITH ('connector'='jdbc', 'password' = 'S')"}`, `{"q":"WITH ('connector'='jdbc', 'password' = '***')"}`, "assignment"},
		"JSON in a string":               {`{"conf":"{\"user\":\"u\",\"api_key\": \"S\"}"}`, `{"conf":"{\"user\":\"u\",\"api_key\": \"***\"}"}`, "assignment"},
		"a Java option":                  {`{"c":"java -Djavax.net.ssl.keyStorePassword=S Main"}`, `{"c":"java -Djavax.net.ssl.keyStorePassword=*** Main"}`, "assignment"},
		"a command line":                 {`{"c":"tool --db-password S --verbose"}`, `{"c":"tool --db-password *** --verbose"}`, "option"},
		"a statement":                    {`{"q":"CREATE USER u IDENTIFIED BY 'S'"}`, `{"q":"CREATE USER u IDENTIFIED BY '***'"}`, "sql_password"},
		"a statement of Postgres":        {`{"q":"ALTER ROLE u WITH PASSWORD 'S'"}`, `{"q":"ALTER ROLE u WITH PASSWORD '***'"}`, "sql_password"},
		"a header":                       {`{"h":"Authorization: Basic S"}`, `{"h":"Authorization: Basic ***"}`, "authorization"},
		"a bearer":                       {`{"h":"sent with bearer S to it"}`, `{"h":"sent with bearer *** to it"}`, "bearer"},
		"a key named like one":           {`{"fs.s3a.secret.key":"S","a":1}`, `{"fs.s3a.secret.key":"***","a":1}`, "named_key"},
		"a key with an escape":           {`{"\u0070assword":"S"}`, `{"\u0070assword":"***"}`, "named_key"},
		"a number for a password":        {`{"dbPassword":20231224}`, `{"dbPassword":"***"}`, "named_key"},
		"a list under such a key":        {`{"api-key":["S"]}`, `{"api-key":["***"]}`, "named_key"},
		"an account key":                 {`{"fs.azure.account.key.a.blob.core":"S"}`, `{"fs.azure.account.key.a.blob.core":"***"}`, "named_key"},
		"a pair":                         {`[{"name":"GITHUB_TOKEN","value":"S"}]`, `[{"name":"GITHUB_TOKEN","value":"***"}]`, "named_value"},
		"a variable":                     {`{"environmentVariables":[{"name":"FERNET_KEY","value":"S"}]}`, `{"environmentVariables":[{"name":"FERNET_KEY","value":"***"}]}`, "named_value"},
		"a tag":                          {`{"tags":[{"key":"secret","value":"S","source":"x"}]}`, `{"tags":[{"key":"secret","value":"***","source":"x"}]}`, "named_value"},
		"a key of AWS":                   {`{"a":"id AKIAIOSFODNN7EXAMPLE."}`, `{"a":"id ***."}`, "aws_access_key"},
		"a token of a maker":             {`{"url":"https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/x"}`, `{"url":"https://***@github.com/x"}`, "known_token"},
		"a signed claim":                 {`{"a":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"}`, `{"a":"***"}`, "known_token"},
		"a key block":                    {`{"a":"x -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- y"}`, `{"a":"x *** y"}`, "private_key"},
		"a key block cut off":            {`{"a":"-----BEGIN PRIVATE KEY-----\nMII"}`, `{"a":"***"}`, "private_key"},
		"an empty one":                   {`{"password":"","a":null}`, "", ""},
		"one that is masked":             {`{"password":"*****","token":"[REDACTED]","secret":"${DB_SECRET}"}`, "", ""},
		"a column named password":        {`{"schema":{"fields":[{"name":"password","type":"varchar"}]},"fields":{"password":{"inputFields":[]}}}`, "", ""},
		"a count of tokens":              {`{"max_tokens":4096,"token":17,"tokenizer":"bert-base","token_count":"3","pass":12}`, "", ""},
		"the working directory":          {`{"environmentVariables":[{"name":"PWD","value":"/home/x"},{"name":"HOME","value":"/x"}]}`, "", ""},
		"a partition of a table":         {`{"name":"warehouse/token=abc/part=1"}`, "", ""},
		"a key of a table":               {`{"tags":[{"key":"partition_key","value":"day"}]}`, "", ""},
		"a join on a column":             {`{"q":"SELECT a.token FROM a JOIN b ON a.token = b.token"}`, "", ""},
		"a word after bearer":            {`{"d":"the bearer authenticates"}`, "", ""},
		"a mail address":                 {`{"owner":"team@example.org","u":"https://h:8080/x?mail=a@b"}`, "", ""},
		"a boolean":                      {`{"password":true,"secret":null,"credentials":{}}`, "", ""},
		"a port and a mail in a text":    {`{"d":"see http://h:8080/ or a@b"}`, "", ""},
		"an escape and nothing to cut":   {`{"d":"\u00e9"}`, "", ""},
		"a name with words of the rules": {`{"name":"passwords_by_token"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := strings.ReplaceAll(tt.body, "S\"", secret+`"`)
			for _, end := range []string{"@", ";", "&", "'", " ", `\`} {
				body = strings.ReplaceAll(body, "S"+end, secret+end)
			}
			if tt.want == "" {
				body, tt.want = tt.body, tt.body
			}
			got, cuts := scanned(t, body).Scrub()
			if string(got) != tt.want {
				t.Fatalf("of %s\n got %s\nwant %s", body, got, tt.want)
			}
			if (tt.rule == "") != (len(cuts) == 0) {
				t.Fatalf("cuts %v, want rule %q", cuts, tt.rule)
			}
			doc := scanned(t, string(got))
			for _, c := range cuts {
				if c.Rule != tt.rule || doc.At(c.Path).Kind() == Absent {
					t.Errorf("cut %v, want rule %s and a path that leads somewhere in %s", c, tt.rule, got)
				}
			}
			again, more := doc.Scrub()
			if !bytes.Equal(again, got) || more != nil {
				t.Errorf("scrubbed again: %s, %v", again, more)
			}
		})
	}
}

func TestScrubRecordsSoMany(t *testing.T) {
	t.Parallel()
	body := "[" + strings.Repeat(`{"password":"p4ssw0rd"},`, 2*MaxCuts) + "{}]"
	got, cuts := scanned(t, body).Scrub()
	if bytes.Contains(got, []byte("p4ssw0rd")) {
		t.Error("a password is left")
	}
	if len(cuts) != MaxCuts || cuts[0] != (Cut{"/0/password", "named_key"}) || cuts[MaxCuts-1] != (Cut{"", "more"}) {
		t.Errorf("%d cuts, from %v to %v", len(cuts), cuts[0], cuts[len(cuts)-1])
	}
}

func TestNamesSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"password", "PGPASSWORD", "db_pass", "pass", "pwd", "clientSecret", "x-api-key", "awsAccessKeyId", "spark.ssl.keyPassword",
		"Authorization", "oauthToken", "SLACK_TOKEN", "credentials", "private-key", "aws_secret_access_key"} {
		if !namesSecret(name) {
			t.Errorf("%s names a secret", name)
		}
	}
	for _, name := range []string{"", "key", "primary_key", "tokens", "tokenizer", "max_tokens", "token_count", "passed", "PWD", "author", "credentialsProvider", "monkey"} {
		if namesSecret(name) {
			t.Errorf("%s names no secret", name)
		}
	}
}

// Scrubbing leaves JSON of the same shape, and finds nothing more the second time.
func FuzzScrub(f *testing.F) {
	for _, seed := range []string{`{"password":1,"a":[{"name":"token","value":"x"}]}`, `{"u":"a://b:c@d"}`, `["-----BEGIN PRIVATE KEY-----\u0000"]`, `{"a://b:c@d":1,"a://b:e@d":2}`} {
		f.Add([]byte(seed))
	}
	for _, event := range realEvents(f) {
		f.Add(event)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := Scan(body, Limits{})
		if err != nil {
			return
		}
		got, _ := doc.Scrub()
		if !json.Valid(strip(got)) {
			t.Fatalf("%q became %q", body, got)
		}
		after, err := Scan(got, Limits{Bytes: 2*len(body) + 1000})
		if err != nil && !errors.Is(err, TooDeep) {
			t.Fatalf("%q became %q: %v", body, got, err)
		}
		if a, b := shape(doc.Root()), shape(after.Root()); !reflect.DeepEqual(a, b) {
			t.Fatalf("the shape of %q changed: %q", body, got)
		}
	})
}

func shape(v Value) string {
	var b strings.Builder
	for _, child := range v.Members() {
		fmt.Fprintf(&b, "{%s}", shape(child))
	}
	for _, child := range v.Elements() {
		fmt.Fprintf(&b, "[%s]", shape(child))
	}
	return b.String()
}
