package smtp

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// names is a name server that leads names to addresses, at each look-up to the next ones. Other names do not exist.
type names struct {
	mutex sync.Mutex
	leads map[string][][]string
	asked map[string]int
}

// resolver asks the name server.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			length, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := n.answer(buffer[:length]); answer != nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func (n *names) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	asked := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	n.mutex.Lock()
	defer n.mutex.Unlock()
	name := strings.TrimSuffix(asked.Name.String(), ".")
	if n.asked == nil {
		n.asked = map[string]int{}
	}
	if leads := n.leads[name]; len(leads) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	} else {
		lookUp := n.asked[name] / 2 // each asks for IPv4 and for IPv6
		n.asked[name]++
		for _, text := range leads[min(lookUp, len(leads)-1)] {
			address := netip.MustParseAddr(text)
			header := dnsmessage.ResourceHeader{Name: asked.Name, Class: dnsmessage.ClassINET, Type: asked.Type}
			switch {
			case asked.Type == dnsmessage.TypeA && address.Is4():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
			case asked.Type == dnsmessage.TypeAAAA && address.Is6():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
			}
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// greeter greets whoever connects, and counts them.
type greeter struct {
	net.Listener
	port        int
	connections atomic.Int32
}

func listen(t *testing.T, address, greeting string) *greeter {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil && strings.HasPrefix(address, "[") {
		t.Skipf("NOT TESTED: this machine has no IPv6 loopback, so the guard is not tried at %s: %v", address, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	g := &greeter{Listener: listener, port: listener.Addr().(*net.TCPAddr).Port}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			g.connections.Add(1)
			_, _ = client.Write([]byte(greeting))
			_ = client.Close()
		}
	})
	return g
}

func mustParseHosts(t *testing.T, list string) Hosts {
	t.Helper()
	h, err := ParseHosts(list)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// probeFailure signs in where that cannot succeed.
func probeFailure(t *testing.T, c Config) delivery.Outcome {
	t.Helper()
	o := NewChannel(c).Probe(t.Context())
	if o.Class == delivery.Accepted {
		t.Fatalf("got %+v, want a failure", o)
	}
	return o
}

// Whatever a name leads to, and whether or not somebody listens there, whoever named it hears the same.
func TestTheGuardSaysOneThingOfAllThatItRefuses(t *testing.T) {
	listening, listening6 := listen(t, "127.0.0.1:0", "220 hello\r\n"), listen(t, "[::1]:0", "220 hello\r\n")
	leads := map[string][][]string{}
	for name, address := range map[string]string{
		"loopback": "127.0.0.1", "loopback6": "::1", "mapped": "::ffff:127.0.0.1", "translated": "64:ff9b::7f00:1",
		"unspecified": "0.0.0.0", "unspecified6": "::", "link": "169.254.169.254", "link6": "fe80::1",
		"multicast": "224.0.0.251", "multicast6": "ff02::fb", "private": "10.96.0.1", "private6": "fd00::1", "shared": "100.64.0.1",
		"mapped-link": "::ffff:169.254.169.254",
	} {
		leads[name+".evil.example"] = [][]string{{address}}
	}
	leads["two.evil.example"] = [][]string{{"10.0.0.1", "127.0.0.1"}}
	api := map[string][][]string{"api.internal.example": {{"10.96.0.1", "10.0.0.1", "fd00::1", "100.64.0.1"}}}
	maps.Copy(api, leads)
	resolver := (&names{leads: api}).resolver(t)
	for list, ports := range map[string][]int{
		"":                            {25, 587, listening.port, listening6.port},
		"93.184.216.0/24":             {25, listening.port, listening6.port},
		"evil.example":                {25, listening.port, listening6.port},
		"other.example, 192.0.2.0/24": {25, listening.port},
	} {
		// A listed name may lead to private addresses, but not to these.
		guard := &Guard{Hosts: mustParseHosts(t, list), Resolver: resolver, APIServer: "api.internal.example"}
		for name := range leads {
			for _, port := range ports {
				for _, mode := range []TLSMode{None, StartTLS, Implicit} {
					f := probeFailure(t, Config{Host: name, Port: port, TLS: mode, Guard: guard})
					if f.Message != NotAllowed || f.Class != delivery.NotAllowed || !f.BeforeMail {
						t.Errorf("%q: %s:%d, %s: %+v", list, name, port, mode, f)
					}
				}
			}
		}
		for _, host := range []string{"127.0.0.1", "::1", "localhost", "nowhere.evil.example", "redis.other.svc.cluster.local"} {
			if f := probeFailure(t, Config{Host: host, Port: 25, TLS: None, Guard: guard}); f.Message != NotAllowed {
				t.Errorf("%q: %s: %+v", list, host, f)
			}
		}
	}
	if made := listening.connections.Load() + listening6.connections.Load(); made != 0 {
		t.Errorf("%d connections were made", made)
	}
}

func TestTheGuardLetsThroughWhatIsListed(t *testing.T) {
	server := listen(t, "127.0.0.1:0", "554 no service\r\n")
	resolver := (&names{leads: map[string][][]string{"mail.acme.example": {{"127.0.0.1"}}}}).resolver(t)
	for _, host := range []string{"127.0.0.1", "mail.acme.example", "::ffff:127.0.0.1"} {
		before := server.connections.Load()
		guard := &Guard{Hosts: mustParseHosts(t, "127.0.0.0/8"), Resolver: resolver, APIServer: "127.0.0.1"}
		if f := probeFailure(t, Config{Host: host, Port: server.port, TLS: None, Guard: guard}); f.Class != delivery.Refused {
			t.Errorf("%s: %+v", host, f)
		}
		if server.connections.Load() == before {
			t.Errorf("%s: no connection was made", host)
		}
	}
}

// A name that led to an allowed place is judged anew each time: the next look-up can lead elsewhere.
func TestTheGuardJudgesEachConnection(t *testing.T) {
	allowed, secret := listen(t, "127.0.0.1:0", "220 hello\r\n"), listen(t, "[::1]:0", "220 hello\r\n")
	resolver := (&names{leads: map[string][][]string{"mail.evil.example": {{"127.0.0.1"}, {"::1"}}}}).resolver(t)
	config := Config{Host: "mail.evil.example", Port: allowed.port, TLS: None, Guard: &Guard{Hosts: mustParseHosts(t, "127.0.0.0/8"), Resolver: resolver}}
	if f := probeFailure(t, config); f.Class != delivery.Unreachable || allowed.connections.Load() != 1 {
		t.Errorf("the first time: %+v, %d connections", f, allowed.connections.Load())
	}
	config.Port = secret.port
	if f := probeFailure(t, config); f.Message != NotAllowed || secret.connections.Load() != 0 {
		t.Errorf("the second time: %+v, %d connections", f, secret.connections.Load())
	}
}

// A name that is listed does not open the API server, be it known by its address or by a name.
func TestTheGuardKeepsTheAPIServer(t *testing.T) {
	resolver := (&names{leads: map[string][][]string{
		"mail.acme.example": {{"10.96.0.1"}}, "kubernetes.example": {{"10.96.0.2", "10.96.0.1"}},
	}}).resolver(t)
	for name, test := range map[string]struct {
		list, api string
		want      bool
	}{
		"by address":                {"acme.example", "10.96.0.1", false},
		"by name":                   {"acme.example", "kubernetes.example", false},
		"by a name that is unknown": {"acme.example", "nowhere.example", false},
		"another":                   {"acme.example", "10.96.0.3", true},
		"listed":                    {"acme.example,10.96.0.0/12", "10.96.0.1", true},
		"none":                      {"acme.example", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			guard := &Guard{Hosts: mustParseHosts(t, test.list), Resolver: resolver, APIServer: test.api}
			err := guard.dialer("mail.acme.example").ControlContext(t.Context(), "tcp4", "10.96.0.1:6443", nil)
			if (err == nil) != test.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHostOf(t *testing.T) {
	for server, want := range map[string]string{
		"https://10.96.0.1:443": "10.96.0.1", "https://[fd00::1]:6443": "fd00::1", "https://api.acme.example/k8s/clusters/1": "api.acme.example",
		"10.96.0.1:443": "10.96.0.1", "kubernetes.default.svc": "kubernetes.default.svc", "": "",
	} {
		if got := HostOf(server); got != want {
			t.Errorf("HostOf(%q) = %q, want %q", server, got, want)
		}
	}
}

// Whoever greets as no mail server does is not quoted, whatever it says, to somebody who may only name hosts.
func TestAStrangerIsNotQuoted(t *testing.T) {
	for name, greeting := range map[string]string{
		"another protocol":     "-ERR internal-service v1.2.3 token=abc123\r\n",
		"SSH":                  "SSH-2.0-token=abc123\r\n",
		"a refusal":            "554 internal-service token=abc123\r\n",
		"a refusal for now":    "421 internal-service token=abc123\r\n",
		"another good answer":  "200 token=abc123\r\n",
		"several lines":        "554-token=abc123\r\n554-internal-service\r\n554 token=abc123\r\n",
		"220 and no blank":     "220token=abc123\r\n",
		"a record of TLS":      "\x16\x03\x01\x00\x10token=abc123\r\n",
		"an alert of TLS":      "\x15\x03\x03\x00\x02\x02\x28token=abc123\r\n",
		"more than is bounded": strings.Repeat("token=abc123", maxSaid/10) + "\r\n",
		"several and no end":   strings.Repeat("220-token=abc123\r\n", maxSaid/10),
		"nothing":              "",
	} {
		t.Run(name, func(t *testing.T) {
			server := listen(t, "127.0.0.1:0", greeting)
			for _, mode := range []TLSMode{None, StartTLS, Implicit} {
				f := probeFailure(t, Config{Host: "127.0.0.1", Port: server.port, TLS: mode, Guard: &Guard{Hosts: mustParseHosts(t, "127.0.0.0/8")}})
				for _, word := range []string{"token", "abc123", "internal", "ERR", "SSH", "554", "421", "200", "127.0.0.1", "handshake"} {
					if strings.Contains(f.Message, word) {
						t.Errorf("%s: it is quoted: %s", mode, f.Message)
					}
				}
				if !f.BeforeMail {
					t.Errorf("%s: %+v", mode, f)
				}
			}
		})
	}
}
