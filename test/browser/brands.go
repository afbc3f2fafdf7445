package browser

import (
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// rebrands changes how the company presents itself, and waits until it does.
func rebrands(patch string) Step {
	return func(v *Visit) error {
		book := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: v.Tenant, Name: "partner-brand"}}
		if err := v.API.Patch(v.Ctx, book, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			return err
		}
		return v.until("the pages are Beta Partners'", func() (bool, error) {
			if _, err := v.Tab.Open(v.url("login")); err != nil {
				return false, err
			}
			title, err := v.Tab.Title()
			return strings.HasSuffix(title, "Beta Partners"), err
		})
	}
}

// asksForLogo makes sure that the brand's logo is all that other hosts were asked for.
func asksForLogo(v *Visit) error {
	for _, fault := range v.Tab.Faults() {
		if fault != "request to another host: https://beta.example/logo.svg" {
			return errors.New(fault)
		}
	}
	if len(v.Tab.Elsewhere()) == 0 {
		return errors.New("there is no logo")
	}
	v.Tab.Forget()
	return nil
}

// brands are pages in the colours of companies, of which some are hard to read.
var brands = []Page{
	{"brand-logo", 200, "You have no links yet", []Step{
		rebrands(`{"data": {"displayName": "Beta Partners", "accentColor": "#7a1f3d", "logoURL": "https://beta.example/logo.svg"}}`), partner, asksForLogo,
	}},
	{"brand-yellow", 200, "Your link is ready", []Step{
		rebrands(`{"data": {"displayName": "Beta Partners", "accentColor": "#ffe600"}}`), partner, makes("ada-summer", ""),
	}},
	{"brand-white", 422, "sent to another address", []Step{
		rebrands(`{"data": {"displayName": "Beta Partners", "accentColor": "#ffffff"}}`),
		applies(adaInvite), mailed(ada, "invite"), types("email", eve), follows("Accept the invitation"),
	}},
}
