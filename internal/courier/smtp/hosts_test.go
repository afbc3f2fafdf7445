package smtp

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseHostsRefuses(t *testing.T) {
	for name, list := range map[string]string{
		"a URL":                "smtp://mail.example.com",
		"a host and a port":    "mail.example.com:25",
		"a star":               "*.example.com",
		"a path":               "mail.example.com/25",
		"too many bits":        "10.0.0.0/33",
		"an address that is 4": "127.1",
		"a number":             "2130706433",
		"a zone":               "fe80::1%eth0",
		"a blank":              "mail.example.com smtp.example.com",
		"a dot":                ".",
	} {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHosts("mail.example.com," + list)
			if err == nil || !strings.Contains(err.Error(), "10.20.0.0/16") {
				t.Errorf("ParseHosts = %+v, %v", h, err)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	const (
		unset    = ""
		loopback = "127.0.0.0/8"
		company  = "10.20.0.0/16, fd00:20::/32, mail.acme.example, .Bücher.example."
	)
	for _, test := range []struct {
		list, host, at string
		want           bool
	}{
		// Unset: public addresses, on the ports of mail servers.
		{unset, "mail.example.com", "93.184.216.34:25", true},
		{unset, "mail.example.com", "93.184.216.34:465", true},
		{unset, "mail.example.com", "93.184.216.34:587", true},
		{unset, "mail.example.com", "93.184.216.34:2525", true},
		{unset, "mail.example.com", "93.184.216.34:443", false},
		{unset, "mail.example.com", "93.184.216.34:6443", false},
		{unset, "mail.example.com", "[2606:2800:220:1::1]:587", true},
		{unset, "mail.example.com", "[2606:2800:220:1::1]:22", false},
		{unset, "mail.example.com", "[::ffff:93.184.216.34]:25", true},
		{unset, "mail.example.com", "[64:ff9b::93.184.216.34]:25", true},
		// and no other.
		{unset, "mail.example.com", "127.0.0.1:25", false},
		{unset, "mail.example.com", "127.8.9.10:25", false},
		{unset, "mail.example.com", "[::1]:25", false},
		{unset, "mail.example.com", "0.0.0.0:25", false},
		{unset, "mail.example.com", "0.1.2.3:25", false},
		{unset, "mail.example.com", "[::]:25", false},
		{unset, "mail.example.com", "169.254.169.254:25", false},
		{unset, "mail.example.com", "[fe80::1]:25", false},
		{unset, "mail.example.com", "[fe80::1%eth0]:25", false},
		{unset, "mail.example.com", "224.0.0.1:25", false},
		{unset, "mail.example.com", "[ff02::1]:25", false},
		{unset, "mail.example.com", "255.255.255.255:25", false},
		{unset, "mail.example.com", "240.0.0.1:25", false},
		{unset, "mail.example.com", "10.96.0.1:25", false},
		{unset, "mail.example.com", "172.16.0.1:25", false},
		{unset, "mail.example.com", "172.31.255.255:25", false},
		{unset, "mail.example.com", "172.32.0.1:25", true},
		{unset, "mail.example.com", "192.168.1.1:25", false},
		{unset, "mail.example.com", "100.64.0.1:25", false},
		{unset, "mail.example.com", "192.0.0.8:25", false},
		{unset, "mail.example.com", "192.0.2.1:25", false},
		{unset, "mail.example.com", "198.18.0.1:25", false},
		{unset, "mail.example.com", "198.51.100.1:25", false},
		{unset, "mail.example.com", "203.0.113.1:25", false},
		{unset, "mail.example.com", "192.88.99.1:25", false},
		{unset, "mail.example.com", "[fd00::1]:25", false},
		{unset, "mail.example.com", "[fec0::1]:25", false},
		{unset, "mail.example.com", "[100::1]:25", false},
		{unset, "mail.example.com", "[2001:db8::1]:25", false},
		{unset, "mail.example.com", "[3fff::1]:25", false},
		// An IPv4 address in another guise is that address.
		{unset, "mail.example.com", "[::ffff:127.0.0.1]:25", false},
		{unset, "mail.example.com", "[::ffff:169.254.169.254]:25", false},
		{unset, "mail.example.com", "[::ffff:10.96.0.1]:25", false},
		{unset, "mail.example.com", "[::127.0.0.1]:25", false},
		{unset, "mail.example.com", "[64:ff9b::127.0.0.1]:25", false},
		{unset, "mail.example.com", "[64:ff9b::169.254.169.254]:25", false},
		{unset, "mail.example.com", "[64:ff9b::10.0.0.1]:25", false},
		{unset, "mail.example.com", "[64:ff9b:1::10.0.0.1]:25", false},
		{unset, "mail.example.com", "[2002:7f00:1::]:25", false},
		{unset, "mail.example.com", "[2001:0:7f00:1::]:25", false},

		// A network: what is in it, on any port, and nothing else.
		{loopback, "localhost", "127.0.0.1:40123", true},
		{loopback, "localhost", "[::ffff:127.0.0.1]:40123", true},
		{loopback, "localhost", "[64:ff9b::127.0.0.1]:40123", true},
		{loopback, "localhost", "[::1]:25", false},
		{loopback, "mail.example.com", "93.184.216.34:25", false},
		{loopback, "mail.example.com", "169.254.169.254:25", false},
		{"::ffff:10.0.0.0/104", "mail.example.com", "10.1.2.3:25", true},
		{"10.1.2.3", "mail.example.com", "10.1.2.3:1025", true},
		{"10.1.2.3", "mail.example.com", "10.1.2.4:1025", false},
		{"fe80::/10", "mail.example.com", "[fe80::1%eth0]:25", true},

		// A name: what it and the names below lead to, but not this machine and its link.
		{company, "smtp.other.example", "10.20.1.1:1025", true},
		{company, "smtp.other.example", "[fd00:20::1]:25", true},
		{company, "smtp.other.example", "10.21.1.1:25", false},
		{company, "smtp.other.example", "93.184.216.34:25", false},
		{company, "mail.acme.example", "93.184.216.34:1025", true},
		{company, "MAIL.acme.example.", "93.184.216.34:25", true},
		{company, "eu.mail.acme.example", "192.168.1.1:25", true},
		{company, "acme.example", "93.184.216.34:25", false},
		{company, "notmail.acme.example", "93.184.216.34:25", false},
		{company, "smtp.bücher.example", "93.184.216.34:25", true},
		{company, "smtp.xn--bcher-kva.example", "93.184.216.34:25", true},
		{company, "mail.acme.example", "127.0.0.1:25", false},
		{company, "mail.acme.example", "[::1]:25", false},
		{company, "mail.acme.example", "0.0.0.0:25", false},
		{company, "mail.acme.example", "[::]:25", false},
		{company, "mail.acme.example", "169.254.169.254:80", false},
		{company, "mail.acme.example", "[fe80::1%eth0]:25", false},
		{company, "mail.acme.example", "224.0.0.1:25", false},
		{company, "mail.acme.example", "[::ffff:127.0.0.1]:25", false},
		{company, "mail.acme.example", "[64:ff9b::127.0.0.1]:25", false},
	} {
		t.Run(test.list+" "+test.host+" "+test.at, func(t *testing.T) {
			h, err := ParseHosts(test.list)
			if err != nil {
				t.Fatal(err)
			}
			at := netip.MustParseAddrPort(test.at)
			if got := h.Allows(test.host, at); got != test.want {
				t.Errorf("Allows = %t", got)
			}
			if test.want && !h.AllowsName(test.host, int(at.Port())) {
				t.Error("its name is not allowed")
			}
			if got := h.AllowsName(at.Addr().String(), int(at.Port())); got != h.Allows(at.Addr().String(), at) {
				t.Errorf("the address in place of a name: %t", got)
			}
		})
	}
}

// Where only names are listed, or only public places are allowed, some hosts need not be looked up.
func TestHostsByNameAlone(t *testing.T) {
	for _, test := range []struct {
		list, host string
		port       int
		want       bool
	}{
		{"", "mail.example.com", 25, true},
		{"", "mail.example.com", 6379, false},
		{"mail.example.com", "mail.example.com", 6379, true},
		{"mail.example.com", "redis.other.svc", 25, false},
		{"mail.example.com,10.0.0.0/8", "redis.other.svc", 25, true},
	} {
		h, err := ParseHosts(test.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.AllowsName(test.host, test.port); got != test.want {
			t.Errorf("%q: AllowsName(%s, %d) = %t", test.list, test.host, test.port, got)
		}
	}
}
