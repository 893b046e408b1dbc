package main

import "net/http"

// welcomeHTML is what a browser gets at /. It holds no data.
const welcomeHTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Annals</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#222;background:#fff}
code{background:#f2f2f2;padding:.1em .3em;border-radius:3px}@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}code{background:#2a2a2a}a{color:#8ab4f8}}</style>
</head><body><h1>Annals</h1>
<p>The history of your pipelines: runs, artifacts and lineage, now or at any earlier moment.</p>
<ul><li><a href="/login">Sign in</a></li>
<li><a href="/graphql">Ask by GraphQL</a> (signed in, or with your API key)</li>
<li><a href="/docs">Ask by plain HTTP</a>: what every address takes and answers</li>
<li>Send OpenLineage events to <code>POST /api/v1/lineage</code></li>
<li>On the command line: <code>annals --help</code></li></ul>
</body></html>
`

func welcomePage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(welcomeHTML)) // whoever asked has gone
}
