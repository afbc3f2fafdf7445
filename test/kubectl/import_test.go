package kubectl

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

// roster is a file as people have them: with a mark at its start, semicolons, a quoted line break, and mistakes.
const roster = "\xef\xbb\xbfEmail Address;First Name;Program;Stage;Unheard Of\r\n" +
	"ada@NS;Ada;referral:gold;\"new; old\";x\r\n" +
	"bob@NS;Bob;referral|reseller;;x\r\n" +
	"not an address;Eve;referral;;x\r\n" +
	"ADA@NS;Ada;referral;;x\r\n" +
	"\r\n" +
	"carl@NS;Carl;nowhere;;x\r\n" +
	"dora@NS;Dora;reseller:gold;;x\r\n" +
	"emil@NS;\"Emil\r\nEmilsson\";referral;;x\r\n" +
	"fay@NS;Fay;;;x\r\n"

// A dry run tells what the real run tells; the same again changes nothing.
func TestImport(t *testing.T) {
	ns := tenant(t)
	file := filepath.Join(t.TempDir(), "partners.csv")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(roster, "@NS", "@"+ns+".example")), 0o600); err != nil {
		t.Fatal(err)
	}
	dry := partner(t, ns, "import", file, "--dry-run=server", "-o", "report").want(t, 2, "(server dry run)")
	partner(t, ns, "list", "partners").want(t, 0, "No partners found")
	done := partner(t, ns, "import", file, "-o", "report")
	done.want(t, 2, "warning: these columns mean nothing here and are left out: Unheard Of", "warning: 5 of 8 rows cannot be used", "2 created, 0 unchanged, 1 skipped, 5 failed", "error: 5 of 8 failed")
	if diff := cmp.Diff(dry.out, done.out); diff != "" {
		t.Errorf("the dry run told something else: %s", diff)
	}
	want := []string{
		"2 created ", "3 created ", "4 failed column email: the address is not of the form name@domain",
		`5 skipped line 2 has the same partner in program "referral"`, `7 failed program "nowhere" does not exist; kubectl get programs shows those there are`,
		`8 failed group "gold" belongs to program "referral", not to "reseller"`, "9 failed column first_name: has a line break", "11 failed names no program; add the column program, or give one with --program",
	}
	var got []string
	for line := range strings.Lines(done.out) {
		var r verbs.RowResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s %s", r.Line, r.Result, r.Reason))
	}
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got  %q\nwant %q", got, want)
			break
		}
	}

	// Each person is invited, and a partner only by accepting.
	ada, bob := "ada@"+ns+".example", "bob@"+ns+".example"
	eventually(t, "two mails to bob", func() bool { return len(invitesTo(bob)) == 2 })
	accept(t, ada)
	partner(t, ns, "describe", ada).want(t, 0, "Active", "gold", "new; old")
	partner(t, ns, "list", "partners", "--state", "Invited").want(t, 0, bob, "!"+ada)

	desk.Forget()
	again := partner(t, ns, "import", file).want(t, 2, "0 created, 2 unchanged, 1 skipped, 5 failed", "line 2: unchanged "+ada)
	if got := written(); got != 0 {
		t.Errorf("%d writes: %v\n%s", got, desk.Seen(), again.out)
	}
	if got := len(invitesTo(ada)); got != 1 {
		t.Errorf("%d mails to Ada", got)
	}
}

// An import leaves alone what exists and says otherwise.
func TestImportLeavesAlone(t *testing.T) {
	ns := tenant(t)
	at := "@" + ns + ".example"
	first := "email,first_name,program\nada" + at + ",Ada,referral\nbob" + at + ",Bob,referral\neve" + at + ",Eve,referral\n"
	partnerReading(t, first, ns, "import", "-", "--send-invites=false", "--label", "batch=one").want(t, 0, "3 created")
	if got := inbox.MessagesTo("ada" + at); len(got) != 0 {
		t.Errorf("%d mails", len(got))
	}
	partner(t, ns, "revoke", "-l", "batch=one", "--notify=false", "--program", "reseller").want(t, 0, "No partnerships found")
	partner(t, ns, "revoke", "bob"+at, "--notify=false", "--wait").want(t, 0)
	partnerReading(t, "email\nfay"+at+"\n", ns, "import", "-", "--program", "referral").want(t, 0, "1 created")
	eventually(t, "Fay is Invited", func() bool {
		return strings.Contains(partner(t, ns, "list", "partners", "--state", "Invited").out, "fay")
	})
	granted(t, ns, "hand-made", "referral")

	second := "email,first_name,program,group\nADA" + at + ",,referral,\nbob" + at + ",Bob,referral,gold\neve" + at + ",Eva,referral,gold\nfay" + at + ",,referral,\nhand-made" + at + ",,referral,\n"
	desk.Forget()
	partnerReading(t, second, ns, "import", "-", "--send-invites=false").want(t, 0,
		"line 2: unchanged", "line 3: skipped bob"+at, "is Revoked; kubectl partner reinstate partner-",
		"is in group none; kubectl partner move partner-", "differs in first_name", "is Invited; only the person can accept", "line 6: unchanged hand-made"+at+" (hand-made)",
		"0 created, 2 unchanged, 3 skipped, 0 failed")
	if got := written(); got != 0 {
		t.Errorf("%d writes: %v", got, desk.Seen())
	}
}

// When the API server cannot be reached any more an import stops, and the next run goes on.
func TestImportGoesOn(t *testing.T) {
	ns := tenant(t)
	at := "@" + ns + ".example"
	file := "email,program\nada" + at + ",referral\nbob" + at + ",referral\ncarl" + at + ",referral\ndora" + at + ",referral\n"
	fault := func(at int32, fault apiproxy.Fault) {
		var creations atomic.Int32
		desk.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodPost && creations.Add(1) == at {
				return fault
			}
			return apiproxy.None
		})
	}
	t.Cleanup(func() { desk.Break(nil) })
	fault(2, apiproxy.Refuse)
	partnerReading(t, file, ns, "import", "-", "--parallel=1").want(t, 1, "line 2: created", "!line 3:", "stopped before line 3; the same command goes on from there")
	desk.Break(nil)
	partnerReading(t, file, ns, "import", "-").want(t, 0, "line 2: unchanged", "line 3: created", "0 skipped, 0 failed")

	// The answer to a creation is lost: the next run finds what it made.
	file = strings.ReplaceAll(file, "referral", "reseller")
	fault(2, apiproxy.LoseAnswer)
	partnerReading(t, file, ns, "import", "-", "--parallel=1").want(t, 1, "line 2: created", "!line 4:", "stopped before line 3; the same command goes on from there")
	desk.Break(nil)
	partnerReading(t, file, ns, "import", "-").want(t, 0, "line 2: unchanged", "line 3: unchanged", "0 skipped, 0 failed")
	if got := len(standing(t, ns)); got != 8 {
		t.Errorf("%d partnerships", got)
	}
}

func TestImportTeams(t *testing.T) {
	ns := tenant(t)
	file := "email,team,team_name,program\nolga@agency.example,agency,Agency GmbH,referral:gold\nOLGA@agency.example,agency,,reseller\neve@agency.example,agency,,reseller\n"
	partnerReading(t, file, ns, "import", "-", "--send-invites=false").want(t, 2, "line 2: created team agency (agency-referral)", "line 3: created team agency (agency-reseller)",
		`line 4: failed team agency: the team "agency" stands in an earlier line with another owner`)
	partner(t, ns, "team", "show", "agency").want(t, 0, "Agency GmbH", "olga@agency.example", "gold", "reseller")
	partnerReading(t, file, ns, "import", "-", "--send-invites=false").want(t, 2, "0 created, 2 unchanged, 0 skipped, 1 failed")

	// By default the owner is asked, with one mail, and the link of it can be printed.
	owner := "otto@" + ns + ".example"
	partnerReading(t, "email,team,program\n"+owner+",studio,referral\n", ns, "import", "-").want(t, 0, "line 2: created team studio (studio-referral)")
	eventually(t, "a mail to the owner", func() bool { return len(inbox.MessagesTo(owner)) == 1 })
	partner(t, ns, "list", "invites").want(t, 0, "team studio")
	link := strings.TrimSpace(partner(t, ns, "link", "studio-referral-invitation", "--portal-url", running.Portal).want(t, 0).out)
	if mail := inbox.MessagesTo(owner)[0]; len(mail.Links) != 1 || mail.Links[0] != link {
		t.Errorf("the mail has %v", mail.Links)
	}
}

func TestImportRefused(t *testing.T) {
	ns := tenant(t)
	for name, test := range map[string]struct {
		file string
		args []string
		want string
	}{
		"empty":            {"", nil, "error: -: it is empty"},
		"no rows":          {"email\n", nil, "it has a header and no rows"},
		"no address":       {"name\nx\n", nil, "there is no column email"},
		"no such column":   {"email\nx\n", []string{"--map", "email=mail"}, `--map "email=mail" names no column`},
		"no such file":     {"", []string{"other.csv"}, "accepts 1 arg"},
		"too many workers": {"email\n", []string{"--parallel", "1000"}, "--parallel can be 1 to 64"},
	} {
		t.Run(name, func(t *testing.T) {
			partnerReading(t, test.file, ns, append([]string{"import", "-"}, test.args...)...).want(t, 1, test.want)
		})
	}
	partner(t, ns, "import", "nowhere.csv").want(t, 1, "no such file")
}

// There is a bar on a terminal only; here is none.
func TestImportIsQuiet(t *testing.T) {
	ns := tenant(t)
	partnerReading(t, "email\nada@example.com\n", ns, "import", "-", "--program", "referral").want(t, 0, "!\r", "!\x1b", "!===")
}

// Exported, wiped and applied, the same partners are in the same states, and no mail is sent.
func TestExport(t *testing.T) {
	ns := tenant(t)
	at := "@" + ns + ".example"
	partnerReading(t, "email,program,field.region\nada"+at+",referral:gold,EMEA\nbob"+at+",referral,\nfay"+at+",reseller,\n", ns, "import", "-").want(t, 0)
	accept(t, "ada"+at)
	accept(t, "bob"+at)
	partnerReading(t, "email,team,program\nolga@agency.example,agency,referral\n", ns, "import", "-", "--send-invites=false").want(t, 0)
	partner(t, ns, "revoke", "bob"+at, "--reason", "Over.", "--wait").want(t, 0)
	create(t, &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-summer"}, Spec: v1alpha1.PartnerLinkSpec{
		PartnershipRef: v1alpha1.PartnershipReference{Name: shipOf(t, ns, "ada"+at)}, Destination: "https://acme.example/summer",
	}})
	before := standing(t, ns)
	if len(before) != 4 {
		t.Fatalf("%v", before)
	}
	manifests := partner(t, ns, "export").want(t, 0, "kind: PartnerTeam", "reason: Over.", "region: EMEA", "source: Import", "name: ada-summer", "!status", "!managedFields", "!namespace:", "!invitation", "!fay@").out
	sheet := partner(t, ns, "export", "-o", "csv").want(t, 0, "email,first_name", "field.region", "ada"+at, "olga@agency.example", "!bob").out
	partner(t, ns, "export", "--state", "Invited").want(t, 0, "invitation: Send", "fay@")
	partner(t, ns, "export", "-o", "toml").want(t, 1, "--output can be yaml or csv")
	partnerReading(t, sheet, ns, "import", "-", "--send-invites=false").want(t, 0, "0 created, 2 unchanged, 0 skipped, 0 failed")
	file := filepath.Join(t.TempDir(), "partners.yaml")
	if err := os.WriteFile(file, []byte(manifests), 0o600); err != nil {
		t.Fatal(err)
	}
	apply := func() {
		t.Helper()
		if out, err := plane.Kubectl(t.Context(), "apply", "--server-side", "-n", ns, "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	apply() // where they are already it changes nothing
	if diff := cmp.Diff(before, standing(t, ns)); diff != "" {
		t.Fatal(diff)
	}

	for _, kind := range []client.Object{&v1alpha1.Partnership{}, &v1alpha1.PartnerInvite{}, &v1alpha1.PartnerTeam{}, &v1alpha1.PartnerLink{}} {
		if err := api.DeleteAllOf(t.Context(), kind, client.InNamespace(ns)); err != nil {
			t.Fatal(err)
		}
	}
	if err := running.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := startOperator(t.Context(), "--mail-mode=hold"); err != nil {
		t.Fatal(err)
	}
	mails := len(inbox.Messages())
	delete(before, "fay"+at+" reseller")
	apply()
	get(t, &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-summer"}})
	eventually(t, "all are back", func() bool { return cmp.Equal(before, standing(t, ns)) })
	if got := len(inbox.Messages()); got != mails {
		t.Errorf("%d mails more", got-mails)
	}
	if err := running.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := startOperator(t.Context()); err != nil { //nolint:usetesting // it outlives the test
		t.Fatal(err)
	}
	partner(t, ns, "list", "invites").want(t, 0, "No invites found")
	if got := len(inbox.Messages()); got != mails {
		t.Errorf("%d mails more without holding back", got-mails)
	}
}

// standing is who is in what, and how.
func standing(t *testing.T, ns string) map[string]string {
	t.Helper()
	found := map[string]string{}
	var list v1alpha1.PartnershipList
	if err := api.List(t.Context(), &list, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		who := "team"
		if p.Spec.Contact != nil {
			who = string(p.Spec.Contact.Email)
		}
		found[who+" "+p.Spec.ProgramRef.Name] = fmt.Sprintf("%s %s %s %v", p.Status.State, p.Status.Group, p.Spec.Source, p.Spec.CustomFields)
	}
	return found
}

// Many rows take little memory, and the same file again writes nothing. IMPORT_ROWS says how many.
func TestImportMany(t *testing.T) {
	rows := 300
	if asked := os.Getenv("IMPORT_ROWS"); asked != "" {
		var err error
		if rows, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
	}
	ns := tenant(t)
	var file strings.Builder
	file.WriteString("email,first_name,last_name,program,stage\n")
	for i := range rows {
		fmt.Fprintf(&file, "partner-%d@%s.example,First,Last %d,referral:gold,Prospect\n", i, ns, i)
	}
	name := filepath.Join(t.TempDir(), "many.csv")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, pass := range []struct {
		title  string
		want   string
		writes int
	}{
		{"first", fmt.Sprintf("%d created, 0 unchanged", rows), rows},
		{"second", fmt.Sprintf("0 created, %d unchanged", rows), 0},
	} {
		if pass.title == "second" {
			eventuallyIn(t, time.Duration(rows)*30*time.Millisecond+30*time.Second, "all are Active", func() bool {
				return strings.Count(partner(t, ns, "list", "partners", "--state", "Active", "-o", "name").out, "\n") == rows
			})
		}
		desk.Forget()
		begin := time.Now()
		command := plane.Kubectl(t.Context(), "partner", "import", name, "--send-invites=false", "-n", ns)
		command.Env = append(command.Environ(), "KUBECONFIG="+desk.Kubeconfig, path(t))
		out, err := command.CombinedOutput()
		if err != nil || !regexp.MustCompile(pass.want).Match(out) {
			t.Fatalf("%v: %s", err, out[max(0, len(out)-2000):])
		}
		memory := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
		t.Logf("%s import of %d rows: %.1f s, %d MiB, %d writes, %v", pass.title, rows, time.Since(begin).Seconds(), memory, written(), desk.Seen())
		if got := written(); got != pass.writes {
			t.Errorf("%d writes, want %d", got, pass.writes)
		}
		if memory > 256 {
			t.Errorf("%d MiB", memory)
		}
	}
}

// shipOf is the name of the only partnership of a person.
func shipOf(t *testing.T, ns, email string) string {
	t.Helper()
	var all v1alpha1.PartnershipList
	if err := api.List(t.Context(), &all, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, p := range all.Items {
		if p.Spec.Contact != nil && string(p.Spec.Contact.Email) == email {
			if name != "" {
				t.Fatalf("%s and %s are of one person", name, p.Name)
			}
			name = p.Name
		}
	}
	return name
}
