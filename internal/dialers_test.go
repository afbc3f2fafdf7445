package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dialers are the files of the product that open connections, or make what opens them, and why no tenant can lead them
// anywhere. Whatever connects to a place that a tenant names has to ask a guard like smtp.Guard first.
var dialers = map[string]string{
	"internal/courier/smtp/connection.go": "a mail server: the operator's own by a flag, a brand's through the guard",
	"internal/courier/smtp/guard.go":      "the guard itself, and the API server's name",
	"internal/webhook/receiver.go":        "the receiver of events, by a flag; redirects are not followed",
	"internal/kubectl/check.go":           "the plugin, from the machine of the person who runs it",
}

// connecting is what opens connections in the standard library, by package; an empty list means all of it.
var connecting = map[string][]string{
	"net": {
		"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer", "Resolver", "DefaultResolver",
		"LookupHost", "LookupIP", "LookupAddr", "LookupCNAME", "LookupMX", "LookupNS", "LookupPort", "LookupSRV", "LookupTXT", "ResolveTCPAddr", "ResolveUDPAddr", "ResolveIPAddr",
	},
	"crypto/tls":        {"Dial", "DialWithDialer", "Dialer"},
	"net/http":          {"Client", "DefaultClient", "Transport", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
	"net/http/httputil": nil, "net/rpc": nil, "net/smtp": nil, "log/syslog": nil, "os/exec": nil, "syscall": {"Connect", "Socket", "Exec", "ForkExec"},
}

// modules are those that the product imports from, and whether they can connect to a place that is named to them. Those
// that can may be imported by dialers alone; what talks to the API server is led by the kubeconfig, which no tenant writes.
var modules = map[string]bool{
	"github.com/wneessen/go-mail":         true,
	"github.com/go-logr/logr":             false,
	"github.com/google/go-cmp":            false,
	"github.com/prometheus/client_golang": false,
	"github.com/spf13/cobra":              false,
	"github.com/spf13/pflag":              false,
	"github.com/yuin/goldmark":            false,
	"go.uber.org/zap":                     false,
	"golang.org/x/crypto/x509roots":       false,
	"golang.org/x/net/idna":               false,
	"golang.org/x/net/publicsuffix":       false,
	"golang.org/x/net/html":               false,
	"golang.org/x/net/netutil":            false,
	"golang.org/x/term":                   false,
	"golang.org/x/text":                   false,
	"golang.org/x/time":                   false,
	"k8s.io":                              false,
	"sigs.k8s.io":                         false,
}

// mailMakers import the mail library to make mails and to sign in over a connection that they are given.
var mailMakers = []string{"internal/courier/smtp/build.go", "internal/courier/smtp/channel.go", "internal/courier/smtp/signin.go"}

// Whoever may lead the operator somewhere is lent its place in the network. A new way to connect has to be judged here.
func TestAllDialersAreKnown(t *testing.T) {
	found := map[string]bool{}
	tree := os.DirFS("..")
	for _, top := range []string{"api", "cmd", "internal"} {
		err := fs.WalkDir(tree, top, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			content, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			connects, err := connections(file, content)
			for _, each := range connects {
				found[file] = true
				if dialers[file] == "" {
					t.Errorf("%s uses %s: if a tenant can name where that leads, it has to go through a guard; then say so in dialers", file, each)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(dialers)) {
		if !found[file] {
			t.Errorf("%s is a dialer, and connects to nothing", file)
		}
	}
}

// connections are the parts of a file that can open connections.
func connections(file string, content []byte) (found []string, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		judged, connects := judgeImport(file, imported)
		switch {
		case !judged:
			found = append(found, imported+", which nobody has judged")
		case connects:
			found = append(found, imported)
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, ok := selector.X.(*ast.Ident)
		if ok && slices.Contains(connecting[names[of.Name]], selector.Sel.Name) {
			found = append(found, names[of.Name]+"."+selector.Sel.Name)
		}
		return true
	})
	return found, nil
}

// judgeImport tells whether somebody has judged a package, and whether it can connect to a place that is named to it.
func judgeImport(file, imported string) (judged, connects bool) {
	if !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		parts, listed := connecting[imported]
		return true, listed && parts == nil
	}
	if strings.HasPrefix(imported, module) {
		return true, false
	}
	for name, connects := range modules {
		if imported == name || strings.HasPrefix(imported, name+"/") {
			return true, connects && !slices.Contains(mailMakers, file)
		}
	}
	return false, false
}

func TestDialersAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"import \"net\"\nvar d net.Dialer":                                          "net.Dialer",
		"import \"net\"\nfunc f() { net.LookupMX(\"acme.example\") }":               "net.LookupMX",
		"import \"net\"\nvar a net.Addr":                                            "",
		"import web \"net/http\"\nvar c = web.DefaultClient":                        "net/http.DefaultClient",
		"import \"net/http\"\nvar h http.Handler":                                   "",
		"import \"net/smtp\"":                                                       "net/smtp",
		"import \"github.com/wneessen/go-mail\"":                                    "github.com/wneessen/go-mail",
		"import \"google.golang.org/grpc\"":                                         "google.golang.org/grpc, which nobody has judged",
		"import \"golang.org/x/net/proxy\"":                                         "golang.org/x/net/proxy, which nobody has judged",
		"import \"sigs.k8s.io/controller-runtime/pkg/client\"\nvar c client.Client": "",
	} {
		got, err := connections("internal/portal/more.go", []byte("package p\n"+text))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: found %q, %v, want %q", text, got, err, want)
		}
	}
}
