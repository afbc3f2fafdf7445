package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// mailing is one mail of a kind to each person of a tenant, and what goes wrong with it.
type mailing struct {
	fault string
	way   *way
	size  int
	// comes is how often each mail has to come.
	comes comes
	// writes is how many status writes each mail has to cost, from its claim on; 0: it depends.
	writes int

	// api befalls, once for each object, the status write that says so; or smtp befalls each recipient's mail once.
	api    apiproxy.Fault
	saying string
	smtp   mailcatcher.Rule

	ns     string
	before int               // status writes that were made before the mails were due
	others map[string]bool   // the Message-IDs of the mails that came before
	links  map[string]string // what the mails are asked for with, by name
	struck *sync.Map         // the names of the objects whose API fault has happened
}

// comes is how often one mail, of one Message-ID and with one link, comes to a person.
type comes struct{ least, most int }

var (
	once        = comes{1, 1}
	twice       = comes{2, 2}
	onceOrTwice = comes{1, 2}
)

// What status says of a mail that is claimed, and of one that is recorded; the kinds use the same words.
const (
	claimed  = v1alpha1.ReasonSending
	recorded = v1alpha1.ReasonSent
)

// ofKinds are mailings of two kinds in turn, which all go through the same; in the full form of all kinds.
func ofKinds(size int, like mailing) []*mailing {
	GinkgoHelper()
	return through(rotated(false), size, like)
}

// ofAPIKinds are those among them for which no page of the portal is needed.
func ofAPIKinds(size int, like mailing) []*mailing {
	GinkgoHelper()
	return through(rotated(true), size, like)
}

func through(ways []*way, size int, like mailing) (all []*mailing) {
	GinkgoHelper()
	for _, w := range ways {
		like.way = w
		all = append(all, like.to(size))
	}
	return all
}

// recipients are to how many people mailings are.
func recipients(all []*mailing) (sum int) {
	for _, m := range all {
		sum += m.size
	}
	return sum
}

// to makes a mailing to so many people of a new tenant, of whom there is all that it takes.
func (m mailing) to(size int) *mailing {
	GinkgoHelper()
	m.size, m.ns, m.struck, m.links, m.others = size, newTenant(), &sync.Map{}, map[string]string{}, map[string]bool{}
	if m.way.most > 0 {
		m.size = min(size, m.way.most)
	}
	known(m.ns)
	if m.way.prepare != nil {
		m.each(func(name string) { m.way.prepare(&m, name) })
	}
	Eventually(func() bool {
		before := m.before
		m.before = m.statusWrites()
		return m.before == before
	}, soon, 15*often).Should(BeTrue(), "what was prepared is still written")
	for _, mails := range m.received() {
		for _, mail := range mails {
			m.others[mail.MessageID] = true
		}
	}
	return &m
}

// known waits until the operator's cache has the programs and groups of a tenant: an invite that refers to them before that
// is written once more.
func known(ns string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var programs v1alpha1.ProgramList
		var groups v1alpha1.PartnerGroupList
		g.Expect(api.List(ctx, &programs, client.InNamespace(ns))).To(Succeed())
		g.Expect(api.List(ctx, &groups, client.InNamespace(ns))).To(Succeed())
		g.Expect(programs.Items).To(HaveEach(HaveField("Status.ObservedGeneration", BeNumerically(">=", 1))))
		if len(groups.Items) > 0 {
			g.Expect(groups.Items).To(HaveEach(HaveField("Status.ObservedGeneration", BeNumerically(">=", 1))))
		}
	}, soon, often).Should(Succeed())
}

func (m *mailing) each(do func(name string)) {
	GinkgoHelper()
	for n := range m.size {
		do(fmt.Sprintf("p%d", n))
	}
}

// post makes the mails due, again until they are.
func (m *mailing) post() {
	GinkgoHelper()
	m.each(func(name string) {
		Eventually(func() error { return m.way.due(m, name) }, time.Minute, often).Should(Succeed(), m.String())
	})
}

// objects are what the mails are about.
func (m *mailing) objects() (found []client.Object, err error) {
	list := m.way.list()
	if err := api.List(ctx, list, client.InNamespace(m.ns)); err != nil {
		return nil, err
	}
	return found, meta.EachListItem(list, func(item runtime.Object) error {
		if object := item.(client.Object); object.GetName() != "standard" && object.GetName() != "gold" { // the groups of each tenant
			found = append(found, object)
		}
		return nil
	})
}

// said counts what status says of the mails.
func (m *mailing) said() (map[string]int, error) {
	objects, err := m.objects()
	said := map[string]int{}
	for _, object := range objects {
		said[m.way.said(object)]++
	}
	return said, err
}

// allSay waits until the status of every object says so of its mail.
func (m *mailing) allSay(word string) {
	GinkgoHelper()
	Eventually(m.said, soon, often).Should(Equal(map[string]int{word: m.size}), m.String())
}

// toldOnce fails if any transition of any object was told in several events.
func (m *mailing) toldOnce() {
	GinkgoHelper()
	objects, err := m.objects()
	Expect(err).NotTo(HaveOccurred())
	for _, object := range objects {
		reasons := eventReasons(object)()
		slices.Sort(reasons)
		Expect(slices.Compact(slices.Clone(reasons))).To(Equal(reasons), "%s to %s", m, object.GetName())
	}
}

// String names a mailing in a failure.
func (m *mailing) String() string { return fmt.Sprintf("%s mails, %s", m.way.name, m.fault) }

// befallWrites makes the API faults of some mailings happen.
func befallWrites(mailings []*mailing) func(*http.Request) apiproxy.Fault {
	byNamespace := map[string]*mailing{}
	for _, m := range mailings {
		byNamespace[m.ns] = m
	}
	return func(r *http.Request) apiproxy.Fault {
		parts := strings.Split(r.URL.Path, "/") // /apis/GROUP/VERSION/namespaces/NS/RESOURCE/NAME/status
		if r.Method != http.MethodPut || len(parts) != 9 || parts[8] != "status" || byNamespace[parts[5]] == nil {
			return apiproxy.None
		}
		return byNamespace[parts[5]].strike(r)
	}
}

// strike makes the fault happen to the status write that it is for.
func (m *mailing) strike(r *http.Request) apiproxy.Fault {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil || m.api == apiproxy.None {
		return apiproxy.None
	}
	object := m.way.blank()
	if !strings.Contains(r.URL.Path, "/"+strings.TrimSuffix(m.way.resource, "status")) || json.Unmarshal(body, object) != nil || m.way.said(object) != m.saying {
		return apiproxy.None
	}
	if _, before := m.struck.LoadOrStore(object.GetName(), true); before {
		return apiproxy.None
	}
	return m.api
}

// stricken is how many mails the API fault has befallen.
func (m *mailing) stricken() int {
	count := 0
	m.struck.Range(func(any, any) bool { count++; return true })
	return count
}

// rules are what the mail server does to the mails of some mailings: each rule to one recipient, once. At the stage
// MailFrom it does not know the recipient.
func rules(mailings []*mailing) (script []mailcatcher.Rule) {
	for _, m := range mailings {
		if m.smtp.Stage == "" || m.smtp.Stage == mailcatcher.MailFrom {
			continue
		}
		m.each(func(name string) {
			rule := m.smtp
			rule.Recipient, rule.Times = address(m.ns, name), 1
			script = append(script, rule)
		})
	}
	return script
}

// received are the mails that came, by recipient.
func (m *mailing) received() map[string][]mailcatcher.Message {
	found := map[string][]mailcatcher.Message{}
	for _, mail := range inbox.Messages() {
		if strings.HasSuffix(mail.To[0], "@"+m.ns+".example") && !m.others[mail.MessageID] {
			found[mail.To[0]] = append(found[mail.To[0]], mail)
		}
	}
	return found
}

func (m *mailing) arrived() int {
	arrived := 0
	for _, mails := range m.received() {
		arrived += len(mails)
	}
	return arrived
}

// statusWrites counts those that the API server carried out, for all replicas. One whose answer died with the API server is
// not among them.
func (m *mailing) statusWrites() int {
	writes := 0
	for _, each := range proxies {
		writes += each.Done(m.ns)[apiproxy.Request{Method: http.MethodPut, Resource: m.way.resource}]
	}
	return writes
}

// settle waits until every mail has come and is recorded, which may take as long as a dead claim is in force.
func (m *mailing) settle() {
	GinkgoHelper()
	Eventually(m.said, patience, often*10).Should(Equal(map[string]int{recorded: m.size}), m.String())
}

// count counts what came of it.
func (m *mailing) count() count {
	c := count{fault: m.fault, way: m.way.name, people: m.size, writes: m.statusWrites() - m.before - m.way.asked*m.size}
	for _, mails := range m.received() {
		c.mails += len(mails)
		for _, mail := range mails[1:] {
			c.repeated++
			if mail.MessageID == mails[0].MessageID && slices.Equal(mail.Links, mails[0].Links) {
				c.same++
			}
		}
	}
	return c
}

// check checks that each mail came as often as it has to, always the same, and that neither logs nor what is kept tell a
// link.
func (m *mailing) check(c count, logs []string) {
	GinkgoHelper()
	received := m.received()
	m.each(func(name string) {
		mails := received[address(m.ns, name)]
		Expect(len(mails)).To(And(BeNumerically(">=", m.comes.least), BeNumerically("<=", m.comes.most)), "%s to %s", m, name)
		for _, mail := range mails {
			Expect(mail.Kind).To(BeEquivalentTo(m.way.kind), m.String())
		}
	})
	Expect(received).To(HaveLen(m.size), "%s: somebody else is written to", m)
	Expect(c.same).To(Equal(c.repeated), "%s: what is repeated has another Message-ID or link", m)
	if m.writes > 0 {
		Expect(c.writes).To(Equal(m.writes*m.size), m.String())
	}
	m.checkSecrets(received, logs)
}

// checkSecrets checks that no link is told by what is kept of the mailing, or by logs.
func (m *mailing) checkSecrets(received map[string][]mailcatcher.Message, logs []string) {
	GinkgoHelper()
	objects, err := m.objects()
	Expect(err).NotTo(HaveOccurred())
	var events eventsv1.EventList
	Expect(api.List(ctx, &events, client.InNamespace(m.ns))).To(Succeed())
	kept, err := json.Marshal([]any{objects, events})
	Expect(err).NotTo(HaveOccurred())
	for _, mails := range received {
		for _, link := range mails[0].Links {
			token := link[strings.LastIndex(link, "/")+1:]
			if len(token) < 60 { // a page that is no secret
				Expect(m.way.name).To(BeElementOf("approved", "application-received"), "the right place was looked at")
				continue
			}
			for _, told := range append(logs, string(kept)) {
				Expect(strings.Contains(told, token[:40])).To(BeFalse(), "a log, an object or an event tells a token of %s", m)
			}
		}
	}
}

// count is what came of a mailing.
type count struct {
	fault, way                    string
	people, mails, repeated, same int
	writes                        int
}

// table writes counts down for people.
func table(counts []count) string {
	widest := 0
	for _, c := range counts {
		widest = max(widest, len(c.fault))
	}
	var text strings.Builder
	line := func(columns ...any) {
		fmt.Fprintf(&text, "| %-*s | %-20s | %6v | %5v | %8v | %12v | %13v |\n", append([]any{widest}, columns...)...)
	}
	line("fault", "mail", "people", "mails", "repeated", "same id+link", "status writes")
	line(strings.Repeat("-", widest), strings.Repeat("-", 20), "-----:", "----:", "-------:", "-----------:", "------------:")
	for _, c := range counts {
		line(c.fault, c.way, c.people, c.mails, c.repeated, c.same, c.writes)
	}
	return text.String()
}
