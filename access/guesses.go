package access

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Guesses limits how often one address may come with a key that is none. It slows down who tries keys, and keeps a client
// with a dead key from being a load; who has a good key is let in from any address at any time. Each address has so many
// free, and gets them back at a steady pace.
type Guesses struct {
	perMinute int
	address   func(*http.Request) string
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
	swept   time.Time
}

// bucket is what an address has left, as of a moment.
type bucket struct {
	left float64
	at   time.Time
}

// maxBuckets bounds what is remembered of addresses. Beyond it new ones share what they have free.
const maxBuckets = 20_000

// NewGuesses allows an address so many failures a minute, as many at once. The address is where a request came from, as
// far as it can be believed; nil: the peer's.
func NewGuesses(perMinute int, address func(*http.Request) string) *Guesses {
	if address == nil {
		address = func(r *http.Request) string { return r.RemoteAddr }
	}
	return &Guesses{perMinute: perMinute, address: address, now: time.Now, buckets: map[string]bucket{}}
}

// Failed counts a failure, and answers how long to wait where there were too many; 0: not yet.
func (g *Guesses) Failed(r *http.Request) time.Duration {
	who := network(g.address(r))
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	b, known := g.buckets[who]
	if !known && len(g.buckets) >= maxBuckets && !g.sweep(now) {
		who = "" // all that are new share one
		b, known = g.buckets[who]
	}
	if !known {
		b = bucket{float64(g.perMinute), now}
	}
	pace := float64(g.perMinute) / time.Minute.Seconds()
	b.left = min(float64(g.perMinute), b.left+now.Sub(b.at).Seconds()*pace)
	b.at = now
	wait := time.Duration(0)
	if b.left < 1 {
		wait = time.Duration((1 - b.left) / pace * float64(time.Second))
	} else {
		b.left--
	}
	g.buckets[who] = b
	return wait
}

// sweepEvery is how often it is looked which addresses can be forgotten: it means to look at all of them.
const sweepEvery = time.Second

// sweep forgets the addresses that have everything free again, and says whether there is room now.
func (g *Guesses) sweep(now time.Time) bool {
	if now.Sub(g.swept) < sweepEvery {
		return false
	}
	g.swept = now
	for who, b := range g.buckets {
		if now.Sub(b.at) >= time.Minute {
			delete(g.buckets, who)
		}
	}
	return len(g.buckets) < maxBuckets
}

// network is what counts as one address: whoever has an IPv6 address has a /64 of them.
func network(address string) string {
	host := address
	if at, err := netip.ParseAddrPort(address); err == nil {
		host = at.Addr().String()
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	net, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return net.String()
}

// tooMany is the one answer to every kind of failure beyond the limit.
func tooMany(wait time.Duration) *Refusal {
	return &Refusal{
		Status: http.StatusTooManyRequests, Code: "too_many_failures", Message: "too many keys from this address were not good: wait before the next",
		RetryAfter: time.Duration(math.Ceil(wait.Seconds())) * time.Second,
	}
}

// seconds writes a wait as Retry-After has it.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
