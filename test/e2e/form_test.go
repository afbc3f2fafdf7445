package e2e

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
)

// askWebsiteAndSize makes the group gold of referral ask for a website and a size, and a new program reseller, by
// default, for the size and a country.
func askWebsiteAndSize(ns string) {
	GinkgoHelper()
	size := v1alpha1.FormField{Name: "company-size", Label: "How many are you?", Type: v1alpha1.FieldSelect, Options: []v1alpha1.LineOfText{"1 to 10", "more"}}
	website := v1alpha1.FormField{Name: "website", Label: "Where do people find you?", Type: v1alpha1.FieldURL, Required: true}
	change(group(ns, "gold", "referral"), func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Fields = []v1alpha1.FormField{website, size} })
	create(program(ns, "reseller", "Acme Reseller", "silver"))
	silver := group(ns, "silver", "reseller")
	size.Required = true
	silver.Spec.Join.Fields = []v1alpha1.FormField{size, {Name: "country", Label: "Country", Type: v1alpha1.FieldCountry}}
	create(silver)
}

// askedInvite is an open invite into both programs that asks for the form.
func askedInvite(ns, name string) (*v1alpha1.PartnerInvite, string) {
	GinkgoHelper()
	i := invite(ns, name, grant("referral", "gold"), grant("reseller", ""))
	i.Spec.Form = v1alpha1.FormRequire
	i.Spec.CustomFields = v1alpha1.CustomFields{"region": "EMEA"}
	create(i)
	link := linkTo(address(ns, name), v1alpha1.MailInvite)
	Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
	return i, link
}

// partnershipOf finds the partnership of a person in a program, of which there must be one.
func partnershipOf(ns, name, program string) func(Gomega) *v1alpha1.Partnership {
	return func(g Gomega) *v1alpha1.Partnership {
		found := partnershipsOf(g, ns, name, program)
		g.Expect(found).To(HaveLen(1))
		return &found[0]
	}
}

// partnershipsOf finds the partnerships of a person in a program, whatever their names.
func partnershipsOf(g Gomega, ns, name, program string) []v1alpha1.Partnership {
	var list v1alpha1.PartnershipList
	g.Expect(api.List(ctx, &list, client.InNamespace(ns))).To(Succeed())
	return slices.DeleteFunc(list.Items, func(p v1alpha1.Partnership) bool {
		return p.Spec.Contact == nil || !strings.EqualFold(string(p.Spec.Contact.Email), address(ns, name)) || p.Spec.ProgramRef.Name != program
	})
}

// keyOf is the name of a partnership that is there, or is about to be made.
func keyOf(ns, name, program string) client.ObjectKey {
	GinkgoHelper()
	key := client.ObjectKey{Namespace: ns}
	Eventually(func(g Gomega) { key.Name = partnershipOf(ns, name, program)(g).Name }, soon, often).Should(Succeed())
	return key
}

var (
	answered     = map[string]v1alpha1.Answer{"website": "https://agency.example", "company-size": "more", "country": "DE"}
	ofReferral   = map[string]v1alpha1.Answer{"website": "https://agency.example", "company-size": "more"}
	ofReseller   = map[string]v1alpha1.Answer{"company-size": "more", "country": "DE"}
	emeaOnly     = v1alpha1.CustomFields{"region": "EMEA"}
	filledFields = []string{"website", "https://agency.example", "company-size", "more", "country", "DE"}
)

func sharedOut(fields map[string]v1alpha1.Answer) OmegaMatcher {
	return And(HaveField("Spec.Application.Fields", fields), HaveField("Spec.CustomFields", emeaOnly))
}

var _ = Describe("an application form", Label("portal"), func() {
	It("is filled in on the page of the invite, and each partnership gets what its own group asks", func() {
		ns := newTenant()
		askWebsiteAndSize(ns)
		i, link := askedInvite(ns, "ada")
		Eventually(open(link), soon, often).Should(HaveField("Body", And(
			ContainSubstring("Where do people find you?"), ContainSubstring(`name="company-size" required`), ContainSubstring(`<option value="DE">Germany</option>`))))

		ada := somebody()
		wrong := post(ada, link+"/accept", "email", address(ns, "ada"), "website", "agency.example", "company-size", "huge", "country", "DE")
		Expect(wrong.Wants(http.StatusUnprocessableEntity, "Please check these 2 answers", `href="#field-website"`, "Please type a whole web address",
			"Please choose one of the options", `value="agency.example"`, `<option value="DE" selected>`)).To(Succeed())
		Expect(reread(i).Status.Acceptance).To(BeNil())

		got := post(ada, link+"/accept", append([]string{"email", address(ns, "ada"), "region", "APAC"}, filledFields...)...)
		Expect(got.Code).To(Equal(http.StatusSeeOther))
		Expect(get(ada, got.Location).Wants(http.StatusOK, "Acme Referral", "Acme Reseller")).To(Succeed())
		Eventually(partnershipOf(ns, "ada", "referral"), soon, often).Should(sharedOut(ofReferral))
		Eventually(partnershipOf(ns, "ada", "reseller"), soon, often).Should(sharedOut(ofReseller))
		Expect(reread(i).Status.Acceptance.Fields).To(Equal(answered))
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("Sent", "Accepted"))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
	})

	It("is not asked of a person who declines, nor by an invite that skips it", func() {
		ns := newTenant()
		askWebsiteAndSize(ns)
		declined, link := askedInvite(ns, "ada")
		Expect(post(somebody(), link+"/decline", "email", address(ns, "ada"), "website", "").Code).To(Equal(http.StatusSeeOther))
		Expect(stateOf(declined)()).To(Equal(v1alpha1.InviteDeclined))

		skipped, link := sentInvite(ns, "bob", grant("referral", "gold"))
		Expect(open(link)().Body).NotTo(ContainSubstring("Where do people find you?"))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "bob"), "website", "nonsense").Code).To(Equal(http.StatusSeeOther))
		Expect(reread(skipped).Status.Acceptance.Fields).To(BeEmpty())
		Eventually(partnershipOf(ns, "bob", "referral"), soon, often).Should(HaveField("Spec.Application.Fields", BeEmpty()))
	})

	It("is not lost when the operator dies between the answer and the partnerships", func() {
		ns := newTenant()
		askWebsiteAndSize(ns)
		i, link := askedInvite(ns, "ada")
		Eventually(open(link), soon, often).Should(HaveField("Body", ContainSubstring(`name="country"`)))
		var once sync.Once
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/namespaces/"+ns+"/partnerships") {
				return apiproxy.None
			}
			once.Do(running.Kill)
			return apiproxy.Refuse
		})
		form := url.Values{"email": {address(ns, "ada")}}
		for at := 0; at < len(filledFields); at += 2 {
			form.Set(filledFields[at], filledFields[at+1])
		}
		_, err := somebody().Post(context.Background(), link+"/accept", form)
		Expect(err).To(HaveOccurred(), "the portal died without an answer")
		Eventually(running.Ended(), soon).Should(BeClosed())
		proxy.Break(nil)
		Expect(reread(i).Status.Acceptance).To(HaveField("Fields", answered), "the answer and the form are one write")
		Expect(i.Status.PartnershipRefs).To(BeEmpty())
		var list v1alpha1.PartnershipList
		Expect(api.List(ctx, &list, client.InNamespace(ns))).To(Succeed())
		Expect(list.Items).To(BeEmpty())

		startOperator()
		Eventually(partnershipOf(ns, "ada", "referral"), soon, often).Should(sharedOut(ofReferral))
		Eventually(partnershipOf(ns, "ada", "reseller"), soon, often).Should(sharedOut(ofReseller))
		Eventually(func() int { return len(reread(i).Status.PartnershipRefs) }, soon, often).Should(Equal(2))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
	})

	It("is finished by the controller from what the invite has recorded, once", func() {
		ns := newTenant()
		askWebsiteAndSize(ns)
		i, _ := askedInvite(ns, "ada")
		i.Status.Acceptance = &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionAccepted, Time: metav1.Now(), Fields: answered}
		Expect(api.Status().Update(ctx, i)).To(Succeed())
		Eventually(partnershipOf(ns, "ada", "referral"), soon, often).Should(sharedOut(ofReferral))
		Eventually(partnershipOf(ns, "ada", "reseller"), soon, often).Should(sharedOut(ofReseller))
		Eventually(func() int { return len(reread(i).Status.PartnershipRefs) }, soon, often).Should(Equal(2))

		Expect(api.Delete(ctx, partnershipOf(ns, "ada", "referral")(NewWithT(GinkgoT())))).To(Succeed())
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.CustomFields["region"] = "APAC" })
		Consistently(func(g Gomega) []v1alpha1.Partnership {
			return partnershipsOf(g, ns, "ada", "referral")
		}, quiet, often).Should(BeEmpty(), "a partnership that was deleted stays deleted")
		Expect(partnershipOf(ns, "ada", "reseller")(NewWithT(GinkgoT())).Spec.CustomFields).To(Equal(emeaOnly), "what is changed later reaches no partnership")
	})

	It("tells which field of a manifest is wrong, and what to do", func() {
		ns := newTenant()
		form := func(field string) string {
			return "kind: PartnerGroup\nmetadata: {name: bad}\nspec: {programRef: {name: referral}, displayName: Bad, join: {fields: [" + field + "]}}\n"
		}
		ofInvite := func(field string) string {
			return "kind: PartnerInvite\nmetadata: {name: bad}\nspec: {contact: {email: bad@example.com}, " + field + "}\n"
		}
		for manifest, says := range map[string][]string{
			form("{name: size, label: Size, type: Select}"):              {"spec.join.fields[0].options", "a field of type Select needs options; list them, or choose another type"},
			form("{name: size, label: Size, type: Text, options: [a]}"):  {"spec.join.fields[0].options", "only a field of type Select has options; remove them, or make the type Select"},
			form("{name: email, label: Mail, type: Email}"):              {"spec.join.fields[0].name", "the names email and approve belong to the page itself; choose another, such as billing-email"},
			form("{name: companySize, label: Size, type: Text}"):         {"spec.join.fields[0].name", "must be lower-case letters, digits and hyphens"},
			form("{name: size, label: Size, type: Text, requird: true}"): {`unknown field "spec.join.fields[0].requird"`},
			ofInvite("customFields: {cost centre: A}"):                   {"spec.customFields", "a name must be up to 63 letters, digits"},
			form("{name: size, label: Size, type: Number}"):              {"spec.join.fields[0].type", `supported values: "Text", "LongText", "Email", "URL", "Phone", "Select", "Checkbox", "Country"`},
			ofInvite("customFields: {tier: 1}"):                          {"spec.customFields.tier", "must be of type string"},
			ofInvite("form: Required"):                                   {"spec.form", `supported values: "Skip", "Require"`},
		} {
			path := filepath.Join(GinkgoT().TempDir(), "bad.yaml")
			Expect(os.WriteFile(path, []byte("apiVersion: partner-operator.io/v1alpha1\n"+manifest), 0o600)).To(Succeed())
			said, err := plane.Kubectl(ctx, "apply", "-n", ns, "-f", path).CombinedOutput()
			Expect(err).To(HaveOccurred(), manifest)
			AddReportEntry("said", string(said))
			for _, what := range says {
				Expect(string(said)).To(ContainSubstring(what), manifest)
			}
		}
	})
})
