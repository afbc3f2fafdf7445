package kubectl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestParseKeys(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    []client.ObjectKey
		err     string
	}{
		"nothing": {"", nil, ""},
		"names": {"pship/ada\n\npartnership.partner-operator.io/bob\npartnerships.v1alpha1.partner-operator.io/carl\ndora\r\neve@example.com\n", []client.ObjectKey{
			{Namespace: "acme", Name: "ada"}, {Namespace: "acme", Name: "bob"}, {Namespace: "acme", Name: "carl"}, {Namespace: "acme", Name: "dora"},
			{Namespace: "acme", Name: "eve@example.com"},
		}, ""},
		"names of another kind":  {"pinvite/ada\n", nil, `"pinvite/ada" is not a Partnership`},
		"names of another group": {"partnership.example.com/ada\n", nil, `is not a Partnership`},
		"a manifest":             {"kind: Partnership\nmetadata: {name: ada}\n", []client.ObjectKey{{Namespace: "acme", Name: "ada"}}, ""},
		"several, with namespaces and nothing between": {
			"---\nkind: Partnership\nmetadata: {name: ada, namespace: other}\n---\n---\nkind: Partnership\nmetadata: {name: bob}\n",
			[]client.ObjectKey{{Namespace: "other", Name: "ada"}, {Namespace: "acme", Name: "bob"}}, "",
		},
		"a list in JSON": {
			`{"kind": "PartnershipList", "apiVersion": "v1", "items": [{"kind": "Partnership", "apiVersion": "v1", "metadata": {"name": "ada"}}]}`,
			[]client.ObjectKey{{Namespace: "acme", Name: "ada"}}, "",
		},
		"a manifest of another kind": {"kind: Program\nmetadata: {name: referral}\n", nil, `holds the Program "referral"`},
		"no YAML":                    {"a: [\n", nil, "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseKeys([]byte(test.content), "acme", partnerships.name, partnerships.called)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got %v, want %q", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); err == nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}
