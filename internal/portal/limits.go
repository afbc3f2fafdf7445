package portal

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/partner-operator/partner-operator/internal/audit"
)

// limiter limits how often something happens per key. It forgets keys that were quiet for a minute or two, and holds
// no more than maxKeys: beyond that, the oldest half is forgotten early, which errs on the side of letting people in.
type limiter struct {
	limit rate.Limit
	burst int
	now   func() time.Time

	mutex            sync.Mutex
	current, earlier map[string]*rate.Limiter
	turned           time.Time
}

const maxKeys = 100_000

// newLimiter allows so many a minute per key, also all at once; 0: any number.
func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{limit: rate.Limit(float64(perMinute) / 60), burst: perMinute, now: now, current: map[string]*rate.Limiter{}, turned: now()}
}

// newSpacing allows one at a time per key, and the next after a while.
func newSpacing(every time.Duration, now func() time.Time) *limiter {
	return &limiter{limit: rate.Every(every), burst: 1, now: now, current: map[string]*rate.Limiter{}, turned: now()}
}

// allow counts one for a key, and tells whether that was allowed, and if not, after how long it will be.
func (l *limiter) allow(key string) (bool, time.Duration) {
	if l.burst == 0 {
		return true, 0
	}
	now := l.now()
	reservation := l.of(key).ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return false, wait
	}
	return true, 0
}

// exhausted tells, without counting, whether one more would be refused.
func (l *limiter) exhausted(key string) bool {
	return l.burst != 0 && l.of(key).TokensAt(l.now()) < 1
}

func (l *limiter) of(key string) *rate.Limiter {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if now := l.now(); now.Sub(l.turned) > time.Minute || len(l.current) >= maxKeys/2 {
		l.current, l.earlier, l.turned = map[string]*rate.Limiter{}, l.current, now
	}
	if found := l.current[key]; found != nil {
		return found
	}
	found := l.earlier[key]
	if found == nil {
		found = rate.NewLimiter(l.limit, l.burst)
	}
	l.current[key] = found
	return found
}

// client tells who asks: the address of the connection, or, if that is a trusted proxy, the last address in
// X-Forwarded-For that is not one.
func (s *Server) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(address); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop
	}
	return clientName(address)
}

// clientAt names the client of a connection; shared: it is a trusted proxy, and so many clients.
func (s *Server) clientAt(address netip.Addr) (name string, shared bool) {
	return clientName(address), s.trusted(address)
}

// clientName is how clients are told apart: IPv4 by the address, IPv6 by its /64, which one household shares.
func clientName(address netip.Addr) string {
	if address = address.Unmap(); address.Is6() {
		prefix, _ := address.Prefix(64)
		return prefix.String()
	}
	return address.String()
}

// parseHop parses an entry of X-Forwarded-For, which some proxies write with a port.
func parseHop(text string) (netip.Addr, error) {
	if hop, err := netip.ParseAddrPort(text); err == nil {
		return hop.Addr(), nil
	}
	return netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
}

func (s *Server) trusted(address netip.Addr) bool {
	for _, prefix := range s.TrustedProxies {
		if prefix.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// tooMany answers that the client should come back later.
func (s *Server) tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	noteReason(r, audit.TooManyRequests)
	retryAfter(w, wait)
	s.notice(w, r, http.StatusTooManyRequests, notice{
		Title: "That was a little fast",
		Text:  "Please wait a minute, then try again. If you asked for a mail, it may already be in your inbox.",
	})
}

// retryAfter tells after how long to try again.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))))
}
