package smtp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Hosts are the places where a mail server may be. The zero value is every public address, on the ports of mail servers.
// It is pure.
type Hosts struct {
	// suffixes are the ends of host names, such as acme.example.
	suffixes []string
	networks []netip.Prefix
}

// ParseHosts parses a list of host names, which stand for themselves and all names below, and networks, such as
// mail.example.com,10.20.0.0/16. An empty list is the zero value.
func ParseHosts(list string) (Hosts, error) {
	var h Hosts
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if network, ok := parseNetwork(text); ok {
			h.networks = append(h.networks, network)
			continue
		}
		name := hostName(strings.TrimPrefix(text, "."))
		if len(validation.IsDNS1123Subdomain(name)) > 0 || isNumber(name[strings.LastIndexByte(name, '.')+1:]) {
			return Hosts{}, fmt.Errorf("holds %q; write host names and networks, such as mail.example.com,10.20.0.0/16", text)
		}
		h.suffixes = append(h.suffixes, name)
	}
	return h, nil
}

// parseNetwork parses a network, or an address, which is a network of its own.
func parseNetwork(text string) (netip.Prefix, bool) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, false
		}
		network = netip.PrefixFrom(address, address.BitLen())
	}
	if mapped := network.Addr(); mapped.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(mapped.Unmap(), network.Bits()-96)
	}
	return network.Masked(), true
}

// hostName is a host name as names are compared: in ASCII and lower case, without a dot at the end.
func hostName(text string) string {
	text = strings.ToLower(strings.TrimSuffix(text, "."))
	if ascii, err := idna.Lookup.ToASCII(text); err == nil {
		return ascii
	}
	return text
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// String is the list, in the form in which it is compared.
func (h Hosts) String() string {
	texts := slices.Clone(h.suffixes)
	for _, network := range h.networks {
		texts = append(texts, network.String())
	}
	return strings.Join(texts, ",")
}

// isZero reports whether nothing is listed.
func (h Hosts) isZero() bool { return len(h.suffixes) == 0 && len(h.networks) == 0 }

// AllowsName reports whether a mail server of this name can be allowed, before anybody has looked up where it is.
func (h Hosts) AllowsName(host string, port int) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return h.Allows(host, netip.AddrPortFrom(address, uint16(port))) //nolint:gosec // ParseURL bounds it
	}
	if h.isZero() {
		return slices.Contains(publicPorts, port)
	}
	return len(h.networks) > 0 || h.listsName(host)
}

// Allows reports whether a mail server of this name may be at an address that the name led to. What is listed is allowed
// on any port, but a name opens no address of this machine or its link; only a network does.
func (h Hosts) Allows(host string, at netip.AddrPort) bool {
	target := translated(at.Addr())
	switch {
	case h.listsAddress(at.Addr()):
		return true
	case h.isZero():
		return slices.Contains(publicPorts, int(at.Port())) && isPublic(target)
	default:
		return h.listsName(host) && target.IsGlobalUnicast()
	}
}

// listsAddress reports whether an address is in one of the networks.
func (h Hosts) listsAddress(address netip.Addr) bool {
	return slices.ContainsFunc(h.networks, func(n netip.Prefix) bool {
		return n.Contains(address.WithZone("").Unmap()) || n.Contains(translated(address))
	})
}

// listsName reports whether a host name, or one above it, is listed.
func (h Hosts) listsName(host string) bool {
	host = hostName(host)
	return slices.ContainsFunc(h.suffixes, func(suffix string) bool { return host == suffix || strings.HasSuffix(host, "."+suffix) })
}

// publicPorts are those of mail servers that take mail from clients.
var publicPorts = []int{25, 465, 587, 2525}

// nat64 is the prefix behind which IPv6 networks reach IPv4 (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// translated is where a connection to an address ends: at the IPv4 address that it stands for, or else at itself.
func translated(address netip.Addr) netip.Addr {
	address = address.WithZone("").Unmap()
	if !nat64.Contains(address) {
		return address
	}
	bytes := address.As16()
	return netip.AddrFrom4([4]byte(bytes[12:]))
}

// isPublic reports whether an address is one that anybody on the internet can reach, by the registries of special
// addresses of IANA.
func isPublic(address netip.Addr) bool {
	if address.Is6() && !global6.Contains(address) {
		return false
	}
	return !slices.ContainsFunc(special, func(n netip.Prefix) bool { return n.Contains(address) })
}

// global6 is all of IPv6 that is handed out for hosts on the internet.
var global6 = netip.MustParsePrefix("2000::/3")

// special are the addresses that lead nowhere, to this machine, to networks that are not public, or somewhere else than
// they say.
var special = func(texts ...string) (networks []netip.Prefix) {
	for _, text := range texts {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	return networks
}(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23",     // Teredo, ORCHID, benchmarks
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which holds an IPv4 address
	"3fff::/20",     // documentation
)
