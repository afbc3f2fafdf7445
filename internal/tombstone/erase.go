package tombstone

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring"
)

// Erase removes the marks of an address from the pages of a program, those in the operator's namespace and those that
// earlier versions made, and tells how many there were. While the address has a partnership there, they come back.
func Erase(
	ctx context.Context, c client.Client, namespace string, keys *keyring.Keyring, p *v1alpha1.Program, address string, options ...client.PatchOption,
) (int, error) {
	marks := append(Marks(keys, p, address), memberMarks(keys, p, address)...)
	erased := 0
	for _, where := range []string{namespace, p.Namespace} {
		var pages corev1.ConfigMapList
		if err := c.List(ctx, &pages, client.InNamespace(where), client.MatchingLabels{Label: string(p.UID)}); err != nil {
			return erased, err
		}
		for i := range pages.Items {
			gone := map[string]any{}
			for _, mark := range marks {
				if _, there := pages.Items[i].Data[mark]; there {
					gone[mark] = nil
				}
			}
			if len(gone) == 0 {
				continue
			}
			patch, err := json.Marshal(map[string]any{"data": gone})
			if err == nil {
				err = c.Patch(ctx, &pages.Items[i], client.RawPatch(types.MergePatchType, patch), options...)
			}
			if err != nil {
				return erased, err
			}
			erased += len(gone)
		}
		if namespace == p.Namespace {
			break
		}
	}
	return erased, nil
}
