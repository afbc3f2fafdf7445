package apiproxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
)

// Right is what the API server asks RBAC about a request.
type Right struct {
	// Verb is get, list, watch, create, update, patch, delete or deletecollection.
	Verb string
	// Group is the API group; empty: the core.
	Group string
	// Resource is that, with its subresource: partnerinvites/status.
	Resource string
	// Namespace is where; empty: in the whole cluster.
	Namespace string
	// Name is the object's; empty: none is named, as when one is created.
	Name string
}

func (r Right) String() string {
	text := r.Verb + " " + strings.TrimSuffix(r.Resource+"."+r.Group, ".")
	if r.Name != "" {
		text += fmt.Sprintf(" %q", r.Name)
	}
	if r.Namespace == "" {
		return text + " in the whole cluster"
	}
	return text + " in " + r.Namespace
}

// Used are the rights of which the account made use, in no order, each once, since the proxy started.
func (p *Proxy) Used() []Right { return p.asked(true) }

// Denied are the rights that the account was refused and never granted, likewise. An API server that has just started
// refuses everything for a moment.
func (p *Proxy) Denied() []Right { return p.asked(false) }

func (p *Proxy) asked(granted bool) (found []Right) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for right, had := range p.rights {
		if had == granted {
			found = append(found, right)
		}
	}
	return found
}

// noteRight notes what RBAC said to a request.
func (p *Proxy) noteRight(r *http.Response) error {
	right, ok := rightOf(r.Request)
	if !ok {
		return nil
	}
	denied, err := isDenied(r)
	if err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.rights == nil {
		p.rights = map[Right]bool{}
	}
	p.rights[right] = p.rights[right] || !denied
	return nil
}

// isDenied tells whether RBAC refused a request. Admission does so with the same code, in a namespace that is going.
func isDenied(r *http.Response) (bool, error) {
	if r.StatusCode != http.StatusForbidden {
		return r.StatusCode == http.StatusUnauthorized, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	if err := r.Body.Close(); err != nil {
		return false, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte("because it is being terminated")), nil
}

var verbs = map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch"}

// rightOf reads a request as the API server does; false: it is about no resource.
func rightOf(r *http.Request) (Right, bool) {
	parts := path.FindStringSubmatch(r.URL.Path)
	if parts == nil {
		return Right{}, false
	}
	right := Right{Verb: verbs[r.Method], Namespace: parts[1], Resource: parts[2] + parts[4], Name: strings.TrimPrefix(parts[3], "/")}
	if group := strings.Split(r.URL.Path, "/"); group[1] == "apis" {
		right.Group = group[2]
	}
	query := r.URL.Query()
	if right.Name == "" && right.Verb == "" {
		if selected, err := fields.ParseSelector(query.Get("fieldSelector")); err == nil {
			right.Name, _ = selected.RequiresExactMatch("metadata.name")
		}
	}
	one := parts[3] != ""
	switch {
	case right.Verb != "":
	case r.Method == http.MethodDelete && one:
		right.Verb = "delete"
	case r.Method == http.MethodDelete:
		right.Verb = "deletecollection"
	case slices.Contains([]string{"true", "1"}, query.Get("watch")):
		right.Verb = "watch"
	case one:
		right.Verb = "get"
	default:
		right.Verb = "list"
	}
	return right, true
}
