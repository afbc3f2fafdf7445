package browser

import (
	"errors"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/token"
)

var (
	// verified lets Ada apply to the group gold, up to the form.
	verified = inTurn(joins("gold"), types("email", ada), follows("Send me the link"), mailed(ada, "verify-address"))
	// applied lets her fill it in and send it.
	applied = inTurn(verified, types("Company", "Analytical Engines Ltd"), types("Where do invoices go?", ada), chooses("Country", "United Kingdom"),
		ticks("Acme may tell others"), follows("Send the application"))
	// ineligible lets her come back when only others can apply.
	ineligible = inTurn(verified, changes("PartnerGroup", "gold", `{"spec": {"join": {"eligibleDomains": ["agency.example"]}}}`), again(403))
)

var applying = []Page{
	{"join", 200, "Become a partner of Acme Partners", []Step{joins("gold")}},
	{"join-error", 422, "Please type a whole mail address", []Step{joins("gold"), types("email", "ada"), follows("Send me the link")}},
	{"join-domains", 200, "It has to be of example.com or example.org", []Step{joins("open")}},
	{"join-domain-error", 422, "Addresses of this domain cannot apply", []Step{joins("open"), types("email", olga), follows("Send me the link")}},
	{"join-asked", 200, "Look into your inbox", []Step{joins("gold"), types("email", ada), follows("Send me the link")}},
	{"join-suspended", 403, "Nobody can apply at the moment", []Step{joins("gold"), suspended, again(403)}},

	{"apply", 200, "You apply as ada@example.com", []Step{verified}},
	{"apply-without-form", 200, "Send the application", []Step{
		joins("open"), types("email", ada), follows("Send me the link"), mailed(ada, "verify-address"),
	}},
	{"apply-errors", 422, "Please check these", []Step{verified, types("Website", "nowhere"), types("Telephone", "none"), follows("Send the application")}},
	{"apply-sent", 200, "Your application to Acme Partners has arrived", []Step{applied}},
	{"apply-waiting", 409, "Your application has arrived already", []Step{applied, verified}},
	{"apply-partner", 409, "You are a partner already", []Step{verified, applies(adaPartner), again(409)}},
	{"apply-invited", 409, "You are invited already", []Step{verified, applies(adaInvite), again(409)}},
	{"apply-ineligible", 403, "Only addresses of certain domains can", []Step{ineligible}},
	{"apply-ineligible-again", 200, "It has to be of agency.example", []Step{ineligible, follows("Use another address")}},
	{"apply-too-soon", 403, "You cannot apply again yet", []Step{
		applied, changes("Partnership", adasReferral, `{"spec": {"approval": {"decision": "Rejected"}}}`),
		awaits("Partnership", adasReferral, "status.state", "Rejected"), verified,
	}},
	{"apply-refused", 403, "It can invite you", []Step{
		verified, applies(adaPartner + `  revocation: {reason: Over.}`), again(403),
	}},
	{"apply-expired", 410, "It worked for a day", []Step{verified, yesterday}},
}

// yesterday opens the verification link of the newest mail as it would have been, had it been asked for two days ago.
func yesterday(v *Visit) error {
	secret := &corev1.Secret{}
	if err := v.API.Get(v.Ctx, client.ObjectKey{Namespace: "partner-operator-system", Name: "partner-operator-keys"}, secret); err != nil {
		return err
	}
	keys, err := token.NewKeyring(secret.Data)
	if err != nil {
		return err
	}
	verification, ok := keys.OpenVerification(v.Tenant, path.Base(v.link))
	if !ok {
		return errors.New("the link does not open")
	}
	verification.Time = verification.Time.Add(-48 * time.Hour)
	text, err := keys.SignVerification(v.Tenant, verification)
	if err != nil {
		return err
	}
	v.Code, err = v.Tab.Open(v.url("apply/" + text))
	return err
}
