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
	"strings"
	"testing"
	"testing/fstest"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	// queue is the package that decides about mails that are to leave, for all kinds.
	queue = "internal/delivery"
	// inviteMail is the file that makes the form that the queue decides about of what an invite says in fields of its own.
	inviteMail = "internal/invite/mail.go"
)

// asking are the packages whose rules ask for mails.
var asking = []string{"internal/grant", "internal/invite", "internal/join", "internal/partnership", "internal/team"}

// How mails are tried, counted and given up is decided in one place.
func TestTheQueueAloneClaimsAndCounts(t *testing.T) {
	for _, problem := range queueProblems(t, os.DirFS("..")) {
		t.Error(problem)
	}
}

// A kind of mail that no rule asks for would be a template that nobody ever gets.
func TestEachKindOfMailIsAskedFor(t *testing.T) {
	asked := kindsAskedFor(t, os.DirFS(".."))
	for name, kind := range kindNames(t, os.DirFS("..")) {
		if listed := slices.Contains(v1alpha1.MailKinds, kind); !listed || !asked[name] {
			t.Errorf("%s: listed in MailKinds: %t, asked for by a rule: %t", name, listed, asked[name])
		}
	}
}

// goFiles are the files of the product below some folders, parsed, by path.
func goFiles(t *testing.T, tree fs.FS, tops ...string) map[string]*ast.File {
	t.Helper()
	found := map[string]*ast.File{}
	for _, top := range tops {
		err := fs.WalkDir(tree, top, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			content, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			found[file], err = parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// queueProblems finds what does the work of the queue elsewhere.
func queueProblems(t *testing.T, tree fs.FS) (found []string) {
	files := goFiles(t, tree, "cmd", "internal")
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if path.Dir(file) == queue {
			continue
		}
		ast.Inspect(files[file], func(node ast.Node) bool {
			if does := queueWork(node); does != "" && (file != inviteMail || does != claims) {
				found = append(found, file+" "+does)
			}
			return true
		})
	}
	return slices.Compact(found)
}

const (
	claims = "claims a mail"
	counts = "counts the tries of a mail"
	spaces = "decides when a mail is tried again"
)

// queueWork tells what a piece of code does that only the queue does; empty: nothing.
func queueWork(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IncDecStmt:
		if isSelector(n.X, "Attempts") {
			return counts
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			switch {
			case isSelector(left, "Attempts") && (n.Tok != token.ASSIGN || len(n.Lhs) != len(n.Rhs) || !isSelector(n.Rhs[i], "Attempts")): // one list may be made of another
				return counts
			case len(n.Lhs) == len(n.Rhs) && isSelector(n.Rhs[i], "DeliverySending"):
				return claims
			}
		}
	case *ast.KeyValueExpr:
		if isSelector(n.Value, "DeliverySending") {
			return claims
		}
	case *ast.SelectorExpr:
		of, ok := n.X.(*ast.Ident)
		if ok && of.Name == path.Base(queue) && slices.Contains([]string{"Backoff", "GiveUpAfter"}, n.Sel.Name) {
			return spaces
		}
	}
	return ""
}

func isSelector(expr ast.Expr, name string) bool {
	selector, ok := expr.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == name
}

// kindNames are the constants of the API that are kinds of mail, by name.
func kindNames(t *testing.T, tree fs.FS) map[string]v1alpha1.MailKind {
	t.Helper()
	names := map[string]v1alpha1.MailKind{}
	for _, file := range goFiles(t, tree, "api") {
		for _, declared := range file.Decls {
			constants, ok := declared.(*ast.GenDecl)
			if !ok || constants.Tok != token.CONST {
				continue
			}
			for _, spec := range constants.Specs {
				value := spec.(*ast.ValueSpec)
				if kind, ok := value.Type.(*ast.Ident); ok && kind.Name == "MailKind" {
					text := value.Values[0].(*ast.BasicLit).Value
					names[value.Names[0].Name] = v1alpha1.MailKind(strings.Trim(text, `"`))
				}
			}
		}
	}
	return names
}

// kindsAskedFor finds the kinds, by the name of their constant, that a rule makes a mail of: in its text, or by handing
// the kind to a function that does.
func kindsAskedFor(t *testing.T, tree fs.FS) map[string]bool {
	t.Helper()
	var rules []*ast.FuncDecl
	for _, file := range goFiles(t, tree, asking...) {
		rules = append(rules, functions(file)...)
	}
	a := asked{kinds: map[string]bool{}, makers: map[string]int{}, methods: map[string][]string{}}
	for _, file := range goFiles(t, tree, "api") {
		for _, f := range functions(file) {
			if f.Recv != nil {
				a.methods[f.Name.Name] = append(a.methods[f.Name.Name], kindsReturned(f)...)
			}
		}
	}
	for before := -1; before != len(a.makers); { // who hands a kind on to a maker is one, too
		before = len(a.makers)
		for _, f := range rules {
			a.look(f)
		}
	}
	return a.kinds
}

func functions(file *ast.File) (found []*ast.FuncDecl) {
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && f.Body != nil {
			found = append(found, f)
		}
	}
	return found
}

// kindsReturned are the constants that a function of the API returns.
func kindsReturned(f *ast.FuncDecl) (names []string) {
	ast.Inspect(f.Body, func(node ast.Node) bool {
		if back, ok := node.(*ast.ReturnStmt); ok {
			for _, result := range back.Results {
				if name, ok := result.(*ast.Ident); ok {
					names = append(names, name.Name)
				}
			}
		}
		return true
	})
	return names
}

// asked is what is known of the kinds that rules ask for.
type asked struct {
	kinds map[string]bool
	// makers are the functions that make a mail of the kind that they get, by name, and which parameter that is.
	makers map[string]int
	// methods are the kinds that a method of the API may return.
	methods map[string][]string
}

// look notes the kinds that a function makes mails of, and whether it is a maker itself.
func (a asked) look(f *ast.FuncDecl) {
	ast.Inspect(f.Body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CompositeLit:
			if !isSelector(n.Type, "MailDelivery") {
				return true
			}
			for _, field := range n.Elts {
				if pair, ok := field.(*ast.KeyValueExpr); ok && isName(pair.Key, "Kind") {
					a.note(f, pair.Value)
				}
			}
		case *ast.CallExpr:
			name := ""
			switch called := n.Fun.(type) {
			case *ast.Ident:
				name = called.Name
			case *ast.SelectorExpr:
				name = called.Sel.Name
			}
			if i, maker := a.makers[name]; maker && i < len(n.Args) {
				a.note(f, n.Args[i])
			}
		}
		return true
	})
}

// note notes what a mail is made of: a constant, what a method returns, a variable, or a parameter of the function.
func (a asked) note(f *ast.FuncDecl, kind ast.Expr) {
	switch k := kind.(type) {
	case *ast.SelectorExpr:
		a.kinds[k.Sel.Name] = true
	case *ast.CallExpr:
		if method, ok := k.Fun.(*ast.SelectorExpr); ok {
			for _, name := range a.methods[method.Sel.Name] {
				a.kinds[name] = true
			}
		}
	case *ast.Ident:
		if i := parameter(f, k.Name); i >= 0 {
			a.makers[f.Name.Name] = i
			return
		}
		for _, value := range assigned(f, k.Name) {
			a.note(f, value)
		}
	}
}

// parameter is the place of a parameter among those of a function; -1: it has none of that name.
func parameter(f *ast.FuncDecl, name string) int {
	at := 0
	for _, field := range f.Type.Params.List {
		for _, each := range field.Names {
			if each.Name == name {
				return at
			}
			at++
		}
	}
	return -1
}

// assigned is what a function assigns to a variable, but for other variables.
func assigned(f *ast.FuncDecl, name string) (values []ast.Expr) {
	ast.Inspect(f.Body, func(node ast.Node) bool {
		set, ok := node.(*ast.AssignStmt)
		if !ok || len(set.Lhs) != len(set.Rhs) {
			return true
		}
		for i, left := range set.Lhs {
			if _, other := set.Rhs[i].(*ast.Ident); isName(left, name) && !other {
				values = append(values, set.Rhs[i])
			}
		}
		return true
	})
	return values
}

func isName(expr ast.Expr, name string) bool {
	ident, ok := expr.(*ast.Ident)
	return ok && ident.Name == name
}

func TestQueueProblemsAreFound(t *testing.T) {
	for name, test := range map[string]struct{ file, body, want string }{
		"the queue itself":       {"internal/delivery/queue.go", "m.State = v1alpha1.DeliverySending; m.Attempts++; at = Backoff(m.Attempts, m.ID)", ""},
		"asking for a state":     {"internal/team/mails.go", "if m.State == v1alpha1.DeliverySending { return delivery.InFlight }", ""},
		"making one of another":  {"internal/invite/mail.go", "m.State = v1alpha1.DeliverySending; status.Cause, status.Attempts = m.Cause, m.Attempts", ""},
		"a claim":                {"internal/team/mails.go", "m.State = v1alpha1.DeliverySending", "internal/team/mails.go claims a mail"},
		"a claim with more":      {"internal/team/mails.go", "m.State, m.Cause = v1alpha1.DeliverySending, none", "internal/team/mails.go claims a mail"},
		"a claim as a whole":     {"internal/controller/send.go", "m = v1alpha1.MailDelivery{State: v1alpha1.DeliverySending}", "internal/controller/send.go claims a mail"},
		"a try is counted":       {"internal/invite/mail.go", "status.Attempts++", "internal/invite/mail.go counts the tries of a mail"},
		"a try is taken back":    {"internal/join/verification.go", "v.Attempts -= 1", "internal/join/verification.go counts the tries of a mail"},
		"tries are set":          {"internal/join/verification.go", "v.Attempts = 0", "internal/join/verification.go counts the tries of a mail"},
		"a wait of one's own":    {"internal/partnership/mails.go", "due = last.Add(delivery.Backoff(m.Attempts, id))", "internal/partnership/mails.go decides when a mail is tried again"},
		"giving up of one's own": {"internal/courier/courier.go", "if age > delivery.GiveUpAfter { return nil }", "internal/courier/courier.go decides when a mail is tried again"},
		"events are not mails":   {"internal/webhook/outbox.go", "if age > GiveUpAfter { return webhook.GiveUpAfter }", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{"cmd/main.go": {Data: []byte("package main")}, test.file: {Data: []byte("package p\nfunc f() {\n" + test.body + "\n}")}}
			if got := strings.Join(queueProblems(t, tree), "\n"); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestKindsThatAreAskedForAreFound(t *testing.T) {
	const api = "package v1alpha1\nconst MailOne MailKind = \"one\"\nfunc (i *Invite) Mail() MailKind { if i.Team { return MailTwo }; return MailOne }"
	const enqueue = "func Enqueue(to string, kind v1alpha1.MailKind) { add(v1alpha1.MailDelivery{To: to, Kind: kind}) }\n"
	for name, test := range map[string]struct{ body, want string }{
		"nothing":                  {"func f() {}", ""},
		"in the mail":              {"func f() { add(v1alpha1.MailDelivery{Kind: v1alpha1.MailOne}) }", "MailOne"},
		"by the API":               {"func f() { add(&v1alpha1.MailDelivery{Kind: in.Invite.Mail()}) }", "MailOne MailTwo"},
		"by a function":            {enqueue + "func f() { Enqueue(to, v1alpha1.MailOne) }", "MailOne"},
		"by a function of another": {"func f() { d.tell(to, v1alpha1.MailOne) }\nfunc (d *D) tell(to string, kind v1alpha1.MailKind) { Enqueue(to, kind) }\n" + enqueue, "MailOne"},
		"by a variable":            {enqueue + "func f() { kind, news := v1alpha1.MailOne, true; if bad { kind = v1alpha1.MailTwo }; Enqueue(to, kind) }", "MailOne MailTwo"},
		"a question about it":      {enqueue + "func f() bool { return Mail(to, v1alpha1.MailOne) != nil && kind == v1alpha1.MailTwo }", ""},
		"the key of one":           {"func f() { find(delivery.Key{Kind: v1alpha1.MailOne}) }", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{"api/v1alpha1/mail.go": {Data: []byte(api)}}
			for _, folder := range asking {
				tree[folder+"/x.go"] = &fstest.MapFile{Data: []byte("package p")}
			}
			tree["internal/team/mails.go"] = &fstest.MapFile{Data: []byte("package team\n" + test.body)}
			asked := slices.DeleteFunc(slices.Sorted(maps.Keys(kindsAskedFor(t, tree))), func(name string) bool { return !strings.HasPrefix(name, "Mail") })
			if got := strings.Join(asked, " "); got != test.want {
				t.Errorf("asked for: %q, want %q", got, test.want)
			}
			if names := kindNames(t, tree); len(names) != 1 || names["MailOne"] != "one" {
				t.Errorf("the kinds are %v", names)
			}
		})
	}
}
