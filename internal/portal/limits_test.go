package portal

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) time() time.Time                { return c.now }
func (c *clock) advance(d time.Duration)        { c.now = c.now.Add(d) }
func newClock() *clock                          { return &clock{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)} }
func (c *clock) limiter(perMinute int) *limiter { return newLimiter(perMinute, c.time) }

// spend asks so many times, and counts what was allowed.
func spend(l *limiter, key string, times int) (allowed int) {
	for range times {
		if ok, _ := l.allow(key); ok {
			allowed++
		}
	}
	return allowed
}

func TestLimiterAllows(t *testing.T) {
	c := newClock()
	l := c.limiter(10)
	if got := spend(l, "a", 15); got != 10 {
		t.Errorf("%d at once are allowed", got)
	}
	if got := spend(l, "b", 15); got != 10 {
		t.Errorf("%d of another key are allowed", got)
	}
	ok, wait := l.allow("a")
	if ok || wait <= 0 || wait > 6*time.Second {
		t.Errorf("allow = %v, after %s", ok, wait)
	}
	c.advance(wait)
	if got := spend(l, "a", 5); got != 1 {
		t.Errorf("after the wait %d are allowed", got)
	}
	c.advance(18 * time.Second)
	if got := spend(l, "a", 5); got != 3 {
		t.Errorf("after three times the wait %d are allowed", got)
	}
	c.advance(time.Minute)
	if got := spend(l, "a", 15); got != 10 {
		t.Errorf("after a minute %d are allowed", got)
	}
	c.advance(time.Hour)
	if got := spend(l, "a", 15); got != 10 {
		t.Errorf("after an hour %d are allowed", got)
	}
}

// To be refused costs nothing, so that whoever keeps asking is let in as soon as others.
func TestLimiterDoesNotCountRefusals(t *testing.T) {
	c := newClock()
	l := c.limiter(2)
	spend(l, "a", 1000)
	c.advance(30 * time.Second)
	if got := spend(l, "a", 5); got != 1 {
		t.Errorf("%d are allowed", got)
	}
}

func TestLimiterWithoutLimit(t *testing.T) {
	l := newClock().limiter(0)
	if got := spend(l, "a", 10_000); got != 10_000 {
		t.Errorf("%d are allowed", got)
	}
}

func TestLimiterForgetsInTwoGenerations(t *testing.T) {
	c := newClock()
	l := c.limiter(2)
	spend(l, "a", 2)
	c.advance(61 * time.Second)
	spend(l, "b", 2)
	if len(l.current) != 1 || len(l.earlier) != 1 {
		t.Fatalf("after a minute it holds %d and %d keys", len(l.current), len(l.earlier))
	}
	before := l.earlier["a"]
	l.allow("a")
	if l.current["a"] != before {
		t.Error("a key that is asked for again is counted anew")
	}
	c.advance(61 * time.Second)
	spend(l, "c", 1)
	c.advance(61 * time.Second)
	spend(l, "c", 1)
	if len(l.current) != 1 || len(l.earlier) != 1 {
		t.Errorf("keys that were quiet are kept: %d and %d", len(l.current), len(l.earlier))
	}
}

// A turn of the generations is no second helping.
func TestLimiterCountsAcrossATurn(t *testing.T) {
	c := newClock()
	l := c.limiter(2)
	c.advance(59 * time.Second)
	spend(l, "a", 2)
	c.advance(2 * time.Second)
	spend(l, "b", 1)
	if got := spend(l, "a", 5); got != 0 {
		t.Errorf("right after a turn %d are allowed", got)
	}
}

func TestLimiterHoldsNoMoreThanItsKeys(t *testing.T) {
	l := newClock().limiter(2)
	most := 0
	for i := range 3 * maxKeys {
		l.allow(strconv.Itoa(i))
		most = max(most, len(l.current)+len(l.earlier))
	}
	if most > maxKeys {
		t.Errorf("it held %d keys", most)
	}
	if spend(l, strconv.Itoa(3*maxKeys-1), 5) != 1 {
		t.Error("the newest key is forgotten")
	}
}

func TestLimiterInManyGoroutines(t *testing.T) {
	l := newClock().limiter(100)
	var allowed atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				if ok, _ := l.allow("a"); ok {
					allowed.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if got := allowed.Load(); got != 100 {
		t.Errorf("%d are allowed", got)
	}
}

func TestClient(t *testing.T) {
	one := []string{"10.0.0.0/8"}
	both := []string{"10.0.0.0/8", "fd00::/8"}
	for name, test := range map[string]struct {
		trusted []string
		remote  string
		headers []string
		want    string
	}{
		"nobody between":                         {nil, "203.0.113.7:4711", nil, "203.0.113.7"},
		"without a port":                         {nil, "203.0.113.7", nil, "203.0.113.7"},
		"no address":                             {nil, "@", nil, "@"},
		"a name for an address":                  {nil, "proxy:80", nil, "proxy"},
		"a client that makes up the header":      {nil, "203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"},
		"the same, where proxies are trusted":    {one, "203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"},
		"a client that says it is a proxy":       {one, "203.0.113.7:4711", []string{"198.51.100.1, 10.0.0.1"}, "203.0.113.7"},
		"behind a proxy":                         {one, "10.0.0.1:4711", []string{"203.0.113.7"}, "203.0.113.7"},
		"behind a proxy that adds nothing":       {one, "10.0.0.1:4711", nil, "10.0.0.1"},
		"behind a proxy with an empty header":    {one, "10.0.0.1:4711", []string{""}, "10.0.0.1"},
		"behind two proxies":                     {one, "10.0.0.1:4711", []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		"made up, behind a proxy":                {one, "10.0.0.1:4711", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		"made up, behind two proxies":            {one, "10.0.0.1:4711", []string{"198.51.100.1, 203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		"a proxy made up, behind a proxy":        {one, "10.0.0.1:4711", []string{"10.0.0.9, 203.0.113.7"}, "203.0.113.7"},
		"made up in a header of its own":         {one, "10.0.0.1:4711", []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		"nonsense made up, behind a proxy":       {one, "10.0.0.1:4711", []string{"<script>, 203.0.113.7"}, "203.0.113.7"},
		"a proxy that adds nonsense":             {one, "10.0.0.1:4711", []string{"203.0.113.7, unknown"}, "10.0.0.1"},
		"a proxy behind which all are proxies":   {one, "10.0.0.1:4711", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"a proxy that is not trusted in between": {one, "10.0.0.1:4711", []string{"203.0.113.7, 192.0.2.1"}, "192.0.2.1"},
		"blanks in the header":                   {one, "10.0.0.1:4711", []string{"  203.0.113.7 ,10.0.0.2 "}, "203.0.113.7"},
		"a proxy as IPv4 in IPv6":                {one, "[::ffff:10.0.0.1]:4711", []string{"203.0.113.7"}, "203.0.113.7"},
		"a client as IPv4 in IPv6":               {one, "10.0.0.1:4711", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"IPv6":                                   {nil, "[2001:db8:1:2:3:4:5:6]:4711", nil, "2001:db8:1:2::/64"},
		"IPv6 of the same household":             {nil, "[2001:db8:1:2:ffff::1]:4711", nil, "2001:db8:1:2::/64"},
		"IPv6 of the household beside it":        {nil, "[2001:db8:1:3::1]:4711", nil, "2001:db8:1:3::/64"},
		"IPv6 behind a proxy":                    {one, "10.0.0.1:4711", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"},
		"behind a proxy with IPv6":               {both, "[fd00::1]:4711", []string{"203.0.113.7"}, "203.0.113.7"},
		"behind proxies with both":               {both, "[fd00::1]:4711", []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		"behind a proxy that adds a port":        {one, "10.0.0.1:4711", []string{"203.0.113.7:4711"}, "203.0.113.7"},
		"IPv6 behind a proxy that adds a port":   {one, "10.0.0.1:4711", []string{"[2001:db8:1:2::7]:4711"}, "2001:db8:1:2::/64"},
		"IPv6 in brackets behind a proxy":        {one, "10.0.0.1:4711", []string{"[2001:db8:1:2::7]"}, "2001:db8:1:2::/64"},
		"IPv4 in IPv6, nobody between":           {nil, "[::ffff:203.0.113.7]:4711", nil, "203.0.113.7"},
		"IPv6 with a zone":                       {nil, "[fe80::1%eth0]:4711", nil, "fe80::/64"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{}
			for _, network := range test.trusted {
				s.TrustedProxies = append(s.TrustedProxies, netip.MustParsePrefix(network))
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = test.remote
			r.Header["X-Forwarded-For"] = test.headers
			if got := s.client(r); got != test.want {
				t.Errorf("the client is %q, want %q", got, test.want)
			}
		})
	}
}
