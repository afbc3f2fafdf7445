package smtp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// Guard keeps mail servers that a tenant names where the platform allows them, so that nobody is lent the operator's
// place in the network. It judges each connection by the address that is about to be connected to, since a name can lead
// elsewhere each time it is looked up.
type Guard struct {
	// Hosts are the places that are allowed.
	Hosts Hosts
	// APIServer is the host of the API server, a name or an address; empty: there is none. Its addresses are allowed
	// only where Hosts lists a network that they are in.
	APIServer string
	// Resolver looks up names; nil: the default one.
	Resolver *net.Resolver
}

// NotAllowed is what is said of every mail server that the guard refuses, whatever is there, and of names that lead
// nowhere: whoever names hosts is not told which there are.
const NotAllowed = "the platform does not allow this mail server, or there is none of this name; ask its administrators, who list what it allows with --brand-smtp-hosts"

var errNotAllowed = errors.New(NotAllowed)

// HostOf is the host in the address of an API server, as it stands in a kubeconfig.
func HostOf(server string) string {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	if u, err := url.Parse(server); err == nil {
		return u.Hostname()
	}
	return ""
}

// Refuses reports whether the guard refuses a mail server whatever its name leads to.
func (g *Guard) Refuses(c Config) bool { return g != nil && !g.Hosts.AllowsName(c.Host, c.Port) }

// dialer connects to no address that a mail server of this name may not be at.
func (g *Guard) dialer(host string) *net.Dialer {
	if g == nil {
		return &net.Dialer{}
	}
	return &net.Dialer{Resolver: g.Resolver, ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !g.Hosts.Allows(host, at) || !g.Hosts.listsAddress(at.Addr()) && g.isAPIServer(ctx, at.Addr()) {
			return errNotAllowed
		}
		return nil
	}}
}

// isAPIServer reports whether an address is one of the API server, as far as that can be told.
func (g *Guard) isAPIServer(ctx context.Context, address netip.Addr) bool {
	if g.APIServer == "" {
		return false
	}
	if its, err := netip.ParseAddr(g.APIServer); err == nil {
		return translated(its) == translated(address)
	}
	resolver := g.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip", g.APIServer)
	return err != nil || slices.ContainsFunc(found, func(its netip.Addr) bool { return translated(its) == translated(address) })
}
