package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// full asks for every fault, each befalling many people; else the most telling ones befall a few. make test-faults sets
// it.
var full = os.Getenv("FAULTS") == "full"

// itInFull is a spec that takes a minute or more, and is there in the full form alone.
func itInFull(text string, spec func()) {
	if full {
		It(text, Offset(1), spec)
	}
}

// inFull are the entries of the short form, and those that are there in the full form alone.
func inFull(short, more TableEntry) []TableEntry {
	if full {
		return []TableEntry{short, more}
	}
	return []TableEntry{short}
}

// many is how many people a fault befalls in full.
const many = 40

// crowd is how many people a fault befalls that takes long.
func crowd() int {
	if full {
		return many
	}
	return 3
}

const (
	// patience is how long a mail may take that a fault has befallen: a claim without an outcome is left alone for a
	// minute, and what the mail server did not answer is tried again up to 72 seconds after it was begun.
	patience = 3 * time.Minute
	// endless is longer than any spec.
	endless = time.Hour
	// manyWorkers let everybody whom the faults of a spec befall stand at their step at the same time.
	manyWorkers = "--concurrency=1500"
)

var (
	// proxies are those of both replicas; the first is that of the operator that all specs share.
	proxies []*apiproxy.Proxy
	// second is the replica that waits; nil: there is none.
	second *replica
	// mailings are all that a fault befell so far, and counts what came of them.
	mailings []*mailing
	counts   []count
)

var _ = Describe("a fault", Ordered, ContinueOnFailure, Label("faults"), func() {
	BeforeAll(func() {
		account, _, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "partner-operator")
		Expect(err).NotTo(HaveOccurred())
		other, err := apiproxy.Start(account)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(other.Close)
		proxies = []*apiproxy.Proxy{proxy, other}
	})

	BeforeEach(func() { Expect(running.Stop()).To(Succeed()) })

	AfterEach(func() {
		lift()
		proxy.Lag(0)
		second.stop()
		second = nil
		_ = running.Stop() // it may have ended in any way
		startOperator()
	})

	AfterAll(func() {
		AddReportEntry("mails", "\n"+table(counts))
		for n, m := range mailings {
			Expect(m.arrived()).To(Equal(counts[n].mails), "%s: some came later", m)
		}
	})

	DescribeTable("that kills the operator at any step costs nobody their mail, and repeats what was sent and not recorded", func(twoReplicas bool) {
		who := "operator"
		if twoReplicas {
			who = "leader"
			lead(manyWorkers)
			startSecond()
		} else {
			startOperator(manyWorkers)
		}
		steps := atEveryStep(who + " killed ")
		hold(steps)
		inbox.Script()
		inbox.SetDelay(20 * time.Millisecond)
		flowing := ofAPIKinds(crowd(), mailing{fault: who + " killed in the middle of all this", comes: onceOrTwice})
		posted := inBackground(flowing)
		Eventually(func() int { return arrived(flowing) }, soon, time.Millisecond).Should(BeNumerically(">", crowd()/4))
		killed := running
		killed.Kill()
		Eventually(proxy.Held, soon, often).Should(BeZero(), "the API server must not hear of what was held")
		lift()
		posted.Wait()
		if !twoReplicas {
			startOperator()
		}
		account(append(steps, flowing...), killed)
	},
		inFull(Entry("and another replica goes on", true), Entry("and it starts again", false)),
	)

	It("that makes the operator stop keeps no mail from being sent and recorded that is claimed", func() {
		size := crowd()
		startOperator()
		busy := whileBusy("stop ", 2*time.Second)
		// Two mails more than those that are held can be on their way at a time.
		Expect(running.Stop()).To(Succeed())
		startOperator(fmt.Sprintf("--concurrency=%d", recipients(busy)))
		hold(busy)
		inbox.SetDelay(100 * time.Millisecond)
		queued := ofAPIKinds(4*size, mailing{fault: "stop while others wait in the queue", comes: once})
		postAll(queued)
		stopped := stopInBackground(running)
		Eventually(running.Log, soon, often).Should(ContainSubstring("Stopping and waiting for leader election runnables"))
		lift()
		Eventually(stopped, soon).Should(Receive(Succeed()))
		for _, m := range busy {
			m.allSay(recorded)
		}
		for _, m := range queued {
			Expect(m.said()).NotTo(HaveKey(claimed), "%s", m)
		}
		first := running
		startOperator()
		account(append(busy, queued...), first)
	})

	It("that costs the leader its lease keeps no mail from being sent and recorded that is claimed", func() {
		lead(manyWorkers)
		startSecond()
		busy := whileBusy("lease lost ", 20*time.Second)
		var lost atomic.Bool
		withoutLease := func(r *http.Request) apiproxy.Fault {
			if lost.Load() && strings.Contains(r.URL.Path, "/leases/") {
				return apiproxy.Refuse
			}
			return apiproxy.None
		}
		holdBut(busy, withoutLease)
		first := leader()
		lost.Store(true)
		Eventually(leader, time.Minute, often).ShouldNot(Equal(first), "the lease lasts 15 seconds")
		proxy.Break(withoutLease)
		Eventually(running.Ended(), time.Minute).Should(BeClosed())
		for _, m := range busy {
			m.allSay(recorded)
		}
		next := ofKinds(crowd(), mailing{fault: "lease lost before", comes: once, writes: 2})
		postAll(next)
		account(append(busy, next...))
	})

	itInFull("that makes the leader hang for a minute does not make it send what the next one has sent", func() {
		lead(manyWorkers)
		startSecond()
		hanging := atStepsOfAHangingLeader()
		hold(hanging)
		Expect(running.Pause()).To(Succeed())
		for _, m := range hanging {
			m.settle()
		}
		lift()
		Expect(running.Continue()).To(Succeed())
		Eventually(running.Ended(), time.Minute).Should(BeClosed(), "it has no lease any more")
		account(hanging)
		for _, m := range hanging {
			m.toldOnce()
		}
	})

	It("that breaks connections, or an API server that crashes, neither loses a mail nor repeats one whose record was written", func() {
		startOperator(manyWorkers)
		broken := brokenConnections()
		proxy.Break(befallWrites(broken))
		inbox.Script(rules(broken)...)
		postAll(broken)
		Eventually(spared(broken), soon, often).Should(BeEmpty(), "whose mail the mail server's fault has not befallen")
		for _, m := range broken {
			if m.api != "" {
				Eventually(m.stricken, soon, often).Should(Equal(m.size), m.String())
			}
			if m.writes == 2 { // the others are tried again in a minute
				m.allSay(recorded)
			}
		}
		lift()
		crashed := throughACrash(cluster.APIServer, "API server crashed and started again", func() {})
		account(append(broken, crashed...))
	})

	itInFull("that takes etcd away for a moment neither loses nor repeats a mail", func() {
		startOperator(manyWorkers)
		account(throughACrash(cluster.Etcd, "etcd crashed and started again", func() {}))
	})

	itInFull("that takes the API server away until the leader gives up neither loses nor repeats a mail", func() {
		lead(manyWorkers)
		startSecond()
		began := time.Now()
		all := throughACrash(cluster.APIServer, "API server away for 25 s", func() {
			Eventually(func() time.Duration { return time.Since(began) }, time.Minute, often).Should(BeNumerically(">", 25*time.Second))
		})
		Eventually(running.Ended(), time.Minute).Should(BeClosed(), "the lease lasts 15 seconds")
		account(all)
	})

	It("of two operators that were started without leader election sends everybody one mail", func() {
		startOperator()
		startBeside()
		inbox.SetDelay(30 * time.Millisecond)
		all := ofKinds(crowd(), mailing{fault: "two operators lead at once", comes: once})
		postAll(all)
		account(all)
	})

	It("of many writers at once neither loses nor repeats a mail", func() {
		startOperator()
		inbox.SetDelay(30 * time.Millisecond)
		all := ofKinds(many, mailing{fault: "conflict storm: somebody changes each object all the time", comes: once})
		postAll(all)
		calm := storm(all)
		for _, m := range all {
			m.settle()
		}
		calm()
		account(all)
	})

	It("of a cache that is always stale neither loses nor repeats a mail", func() {
		startOperator()
		proxy.Lag(150 * time.Millisecond)
		all := ofKinds(many, mailing{fault: "watches lag and the Program changes all the time", comes: once})
		posted := inBackground(all)
		for changes := 0; !done(all); changes++ { // each wakes every mail whose claim the cache has not seen
			for _, m := range all {
				change(program(m.ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Description = fmt.Sprintf("Version %d", changes) })
			}
		}
		posted.Wait()
		account(all)
	})
})

// atEveryStep are mailings of which each mail is held at one step between claim, send and record.
func atEveryStep(fault string) (all []*mailing) {
	GinkgoHelper()
	for _, step := range []mailing{
		{fault: "before the claim is written", api: apiproxy.Stall, saying: claimed, comes: once, writes: 2},
		{fault: "after the claim, its answer lost", api: apiproxy.Withhold, saying: claimed, comes: once, writes: 3},
		{fault: "while the mail server hears the recipient", smtp: held(mailcatcher.Rcpt), comes: once, writes: 3},
		{fault: "when half of the mail is sent", smtp: held(mailcatcher.Body), comes: once, writes: 3},
		{fault: "after the final dot, before the answer", smtp: mailcatcher.Rule{Stage: mailcatcher.Data, Hang: endless, AcceptThenDrop: true}, comes: twice, writes: 3},
		{fault: "before the record is written", api: apiproxy.Stall, saying: recorded, comes: twice, writes: 3},
		{fault: "after the record, its answer lost", api: apiproxy.Withhold, saying: recorded, comes: once, writes: 2},
		{fault: "while the mail server hears the sender", smtp: held(mailcatcher.MailFrom), comes: once, writes: 3},
	} {
		step.fault = fault + step.fault
		all = append(all, ofKinds(crowd(), step)...)
	}
	return all
}

func held(stage mailcatcher.Stage) mailcatcher.Rule {
	return mailcatcher.Rule{Stage: stage, Hang: endless, Drop: true}
}

// whileBusy are mailings that are claimed and not recorded, while something happens that must not break them off. The
// mail server takes that long.
func whileBusy(fault string, slow time.Duration) (all []*mailing) {
	GinkgoHelper()
	for _, step := range []mailing{
		{fault: "while the claim is being written", api: apiproxy.Withhold, saying: claimed},
		{fault: "while the mail server takes the mail", smtp: mailcatcher.Rule{Stage: mailcatcher.Data, Hang: slow}},
		{fault: "while the record is being written", api: apiproxy.Stall, saying: recorded},
	} {
		step.fault, step.comes, step.writes = fault+step.fault, once, 2
		all = append(all, ofKinds(crowd(), step)...)
	}
	return all
}

// atStepsOfAHangingLeader are mailings that somebody else sends, since their claims look like those of a dead process.
func atStepsOfAHangingLeader() (all []*mailing) {
	GinkgoHelper()
	for _, step := range []mailing{
		{fault: "after the claim, whose answer comes late", api: apiproxy.Withhold, saying: claimed, comes: once},
		{fault: "while the mail server hears the recipient", smtp: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Hang: 50 * time.Second}, comes: once},
		{fault: "before the record is written", api: apiproxy.Stall, saying: recorded, comes: twice},
	} {
		step.fault = "leader hangs for a minute " + step.fault
		all = append(all, ofKinds(crowd(), step)...)
	}
	return all
}

// brokenConnections are mailings whose connections break, once for each mail. No process ends.
func brokenConnections() (all []*mailing) {
	GinkgoHelper()
	at := func(stage mailcatcher.Stage, rule mailcatcher.Rule) mailcatcher.Rule {
		rule.Stage = stage
		return rule
	}
	for _, fault := range []mailing{
		{fault: "the claim does not reach the API server", api: apiproxy.Refuse, saying: claimed, comes: once, writes: 2},
		{fault: "the answer to the claim is lost", api: apiproxy.LoseAnswer, saying: claimed, comes: once, writes: 3},
		{fault: "the record does not reach the API server", api: apiproxy.Refuse, saying: recorded, comes: once, writes: 2},
		{fault: "the answer to the record is lost", api: apiproxy.LoseAnswer, saying: recorded, comes: once, writes: 2},
		{fault: "the mail server refuses the recipient with 451", smtp: at(mailcatcher.Rcpt, mailcatcher.Rule{Code: 451}), comes: once, writes: 4},
		{fault: "the mail server refuses the mail with 452", smtp: at(mailcatcher.Data, mailcatcher.Rule{Code: 452}), comes: once, writes: 4},
		{fault: "the mail server hangs up with 421", smtp: at(mailcatcher.Rcpt, mailcatcher.Rule{Code: 421}), comes: once, writes: 4},
		{fault: "the connection breaks when half of the mail is sent", smtp: at(mailcatcher.Body, mailcatcher.Rule{Drop: true}), comes: once, writes: 4},
		{fault: "the connection breaks after the final dot, and the mail is lost", smtp: at(mailcatcher.Data, mailcatcher.Rule{Drop: true}), comes: once, writes: 4},
		{fault: "the connection breaks after the final dot, and the mail is taken", smtp: at(mailcatcher.Data, mailcatcher.Rule{AcceptThenDrop: true}), comes: twice, writes: 4},
		{fault: "the mail server answers after 3 s", smtp: at(mailcatcher.Data, mailcatcher.Rule{Hang: 3 * time.Second}), comes: once, writes: 2},
		{fault: "the mail server takes the mail and never answers", smtp: at(mailcatcher.Data, mailcatcher.Rule{AcceptThenDrop: true, Hang: endless}), comes: twice, writes: 4},
	} {
		all = append(all, ofKinds(crowd(), fault)...)
	}
	return all
}

// throughACrash are mailings that are under way when a program of the control plane crashes: some that the mail server
// takes in the meantime, and some at any step.
func throughACrash(program cluster.Program, fault string, meanwhile func()) []*mailing {
	GinkgoHelper()
	taken := ofKinds(crowd(), mailing{
		fault: fault + ", the mail server takes the mail meanwhile", comes: once, smtp: mailcatcher.Rule{Stage: mailcatcher.Data, Hang: 2 * time.Second},
	})
	flowing := ofAPIKinds(crowd(), mailing{fault: fault + ", in the middle of sending", comes: once})
	inbox.Script(rules(taken)...)
	postAll(taken)
	Eventually(spared(taken), soon, often).Should(BeEmpty(), "whose mail the mail server's fault has not befallen")
	inbox.SetDelay(60 * time.Millisecond)
	posted := inBackground(flowing)
	Eventually(func() int { return arrived(flowing) }, soon, time.Millisecond).Should(BeNumerically(">", 0))
	Expect(plane.Restart(ctx, program, func() {
		Eventually(func() int { return arrived(taken) }, soon, often).Should(Equal(recipients(taken)))
		meanwhile()
	})).To(Succeed())
	posted.Wait()
	return append(taken, flowing...)
}

// hold posts mailings, and waits until each mail stands at the step where its fault holds it.
func hold(all []*mailing) {
	GinkgoHelper()
	holdBut(all, func(*http.Request) apiproxy.Fault { return apiproxy.None })
}

// holdBut is hold while another fault goes first.
func holdBut(all []*mailing, other func(*http.Request) apiproxy.Fault) {
	GinkgoHelper()
	befall := befallWrites(all)
	proxy.Break(func(r *http.Request) apiproxy.Fault {
		if fault := other(r); fault != apiproxy.None {
			return fault
		}
		return befall(r)
	})
	inbox.Script(rules(all)...)
	var atSender []*mailing
	for _, m := range all {
		if m.smtp.Stage == mailcatcher.MailFrom {
			atSender = append(atSender, m)
		} else {
			m.post()
		}
	}
	Eventually(spared(all), soon, often).Should(BeEmpty(), "whose mail the mail server's fault has not befallen")
	for _, m := range all {
		if m.api == apiproxy.Withhold {
			m.allSay(m.saying)
		}
		if m.api == apiproxy.Stall {
			Eventually(m.stricken, soon, often).Should(Equal(m.size), m.String())
		}
	}
	for _, m := range atSender { // whose mails the mail server cannot tell from others
		inbox.Script(m.smtp)
		m.post()
		Eventually(applied, soon, often).Should(Equal(m.size))
	}
}

// lift ends all faults but a lag; who hangs in a conversation with the mail server still does.
func lift() {
	proxy.Break(nil)
	inbox.Script()
	inbox.SetDelay(0)
}

// spared are the mails that the mail server's faults, which were scripted for these mailings, have not befallen yet.
func spared(all []*mailing) func() []string {
	var whose []string
	for _, m := range all {
		if len(rules([]*mailing{m})) > 0 {
			m.each(func(name string) { whose = append(whose, m.String()+", to "+name) })
		}
	}
	return func() (found []string) {
		for n, times := range inbox.Applied() {
			if times == 0 {
				found = append(found, whose[n])
			}
		}
		return found
	}
}

// applied counts how often the mail server stepped in.
func applied() int {
	sum := 0
	for _, times := range inbox.Applied() {
		sum += times
	}
	return sum
}

// account waits until all mails have come, and counts. Ended are operators that are no longer there.
func account(all []*mailing, ended ...*operator.Operator) {
	GinkgoHelper()
	for _, m := range all {
		m.settle()
	}
	before := arrived(all)
	Consistently(func() int { return arrived(all) }, quiet, often).Should(Equal(before))
	log := second.logs()
	for _, each := range append(ended, running) {
		log = append(log, each.Log())
	}
	first := len(counts)
	for _, m := range all {
		counts, mailings = append(counts, m.count()), append(mailings, m)
	}
	for n, m := range all {
		m.check(counts[first+n], log)
	}
}

func arrived(all []*mailing) int {
	sum := 0
	for _, m := range all {
		sum += m.arrived()
	}
	return sum
}

// done tells whether all mails are recorded.
func done(all []*mailing) bool {
	GinkgoHelper()
	for _, m := range all {
		said, err := m.said()
		Expect(err).NotTo(HaveOccurred())
		if said[recorded] < m.size {
			return false
		}
	}
	return true
}

func postAll(all []*mailing) {
	GinkgoHelper()
	for _, m := range all {
		m.post()
	}
}

// inBackground posts mailings while something else goes on.
func inBackground(all []*mailing) *sync.WaitGroup {
	var posting sync.WaitGroup
	for _, m := range all {
		posting.Go(func() {
			defer GinkgoRecover()
			m.post()
		})
	}
	return &posting
}

// stopInBackground asks an operator to stop, and tells how it did.
func stopInBackground(o *operator.Operator) <-chan error {
	stopped := make(chan error, 1)
	go func() { stopped <- o.Stop() }()
	return stopped
}

// storm changes every object of some mailings all the time until calm is called.
func storm(all []*mailing) (calm func()) {
	GinkgoHelper()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for _, m := range all {
		objects, err := m.objects()
		Expect(err).NotTo(HaveOccurred())
		for _, object := range objects {
			writers.Go(func() {
				defer GinkgoRecover()
				for round := 0; ; round++ {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
					}
					text := fmt.Sprintf(`{"metadata": {"labels": {"round": "%[1]d"}, "annotations": {"round": "%[1]d"}}, "spec": {"displayName": "Round %[1]d"}}`, round)
					Expect(api.Patch(ctx, object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(text)))).To(Succeed())
				}
			})
		}
	}
	return func() {
		close(stop)
		writers.Wait()
	}
}
