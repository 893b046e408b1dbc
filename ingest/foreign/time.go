package foreign

import "time"

// ParseTime reads RFC 3339 as producers write it: a T or a space between date and time, seconds with a fraction of any
// length (kept to the nanosecond) or none at all, and Z, an offset with or without a colon, or no zone, which is UTC.
// The answer is in UTC; zone says that one was written.
func ParseTime(s string) (at time.Time, zone, ok bool) {
	const date = len("2006-01-02")
	if len(s) < date+len("T15:04") || s[4] != '-' || s[7] != '-' || s[date] != 'T' && s[date] != 't' && s[date] != ' ' || s[date+3] != ':' {
		return time.Time{}, false, false
	}
	c := clock{rest: s, ok: true}
	year, month, day := c.digits(4), c.after(1).digits(2), c.after(1).digits(2)
	hour, minute := c.after(1).digits(2), c.after(1).digits(2)
	second, nano := 0, 0
	if c.next(':') {
		second = c.digits(2)
		if c.next('.') || c.next(',') {
			nano = c.fraction()
		}
	}
	offset := 0
	switch {
	case c.next('Z') || c.next('z'):
		zone = true
	case c.rest != "":
		sign := 1
		if !c.next('+') {
			c.ok = c.ok && c.next('-')
			sign = -1
		}
		zone = true
		hours := c.digits(2)
		minutes := 0
		if c.next(':') || c.rest != "" {
			minutes = c.digits(2)
		}
		c.ok = c.ok && hours < 24 && minutes < 60
		offset = sign * (hours*3600 + minutes*60)
	}
	// A leap second is the first of the next minute.
	if !c.ok || c.rest != "" || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false, false
	}
	local := time.Date(year, time.Month(month), day, hour, minute, second, nano, time.UTC)
	if time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return time.Time{}, false, false // the 30th of February
	}
	at = local.Add(-time.Duration(offset) * time.Second)
	return at, zone, at.Year() >= 1 && at.Year() <= 9999
}

// clock takes a time apart from the left.
type clock struct {
	rest string
	ok   bool
}

func (c *clock) after(n int) *clock {
	c.rest = c.rest[min(n, len(c.rest)):]
	return c
}

func (c *clock) next(want byte) bool {
	if c.rest == "" || c.rest[0] != want {
		return false
	}
	c.rest = c.rest[1:]
	return true
}

func (c *clock) digits(n int) int {
	if len(c.rest) < n {
		c.ok = false
		return 0
	}
	value := 0
	for i := range n {
		d := c.rest[i] - '0'
		if d > 9 {
			c.ok = false
		}
		value = value*10 + int(d)
	}
	c.rest = c.rest[n:]
	return value
}

// fraction reads digits as a part of a second, in nanoseconds; what is finer is dropped.
func (c *clock) fraction() int {
	n, unit, count := 0, 100_000_000, 0
	for ; c.rest != "" && c.rest[0] >= '0' && c.rest[0] <= '9'; c.rest = c.rest[1:] {
		n += int(c.rest[0]-'0') * unit
		unit /= 10
		count++
	}
	c.ok = c.ok && count > 0
	return n
}
