package signin_test

import (
	"net/http"
	"strconv"
	"testing"
)

// The lines of this benchmark are to be equal: whether a name is somebody's cannot be told by how long the answer takes.
// Each try is of another name, so that none is refused for being tried too often.
func BenchmarkWhoHasAnAccount(b *testing.B) {
	h := newHouse(b)
	names := 0
	for _, who := range []string{"unknown name", "wrong password", "disabled account"} {
		b.Run(who, func(b *testing.B) {
			var mine []string
			for range b.N { // not b.Loop: as many accounts are made beforehand as there will be tries
				names++
				mine = append(mine, "p"+strconv.Itoa(names))
			}
			if who != "unknown name" {
				if _, err := h.pool.Exec(b.Context(), `INSERT INTO log.accounts (account, login, name, password, state, disabled_at, created_at)
					SELECT gen_random_uuid(), login, 'P', '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2E$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'active', CASE WHEN $2 THEN now() END, now()
					FROM unnest($1::text[]) AS n (login)`, mine, who == "disabled account"); err != nil {
					b.Fatal(err)
				}
			}
			c := h.browser()
			b.ResetTimer()
			for i, name := range mine {
				c.address = strconv.Itoa(i % 250)
				if got := c.json(http.MethodPost, "/login", map[string]string{"login": name, "password": "wrong horse battery"}); got.status != 401 && got.status != 429 {
					b.Fatalf("%+v", got)
				}
			}
		})
	}
}
