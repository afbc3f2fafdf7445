package signin

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// maxText is how much of an annotation status holds.
const maxText = 4096

// SignOutWanted tells what is to be noted as carried out, if the annotation of an object asks for sessions to end and that
// was not carried out; else it is nil. A text that is taken away and comes back was carried out.
func SignOutWanted(o metav1.Object, handled *v1alpha1.HandledSignOut, now time.Time) *v1alpha1.HandledSignOut {
	text := SignOutText(o)
	if text == "" || handled != nil && handled.Annotation == text {
		return nil
	}
	return &v1alpha1.HandledSignOut{Annotation: text, Time: *seconds(now)}
}

// SignOutText is what the annotation of an object says, as far as status can hold it.
func SignOutText(o metav1.Object) string {
	text := o.GetAnnotations()[v1alpha1.SignOutAnnotation]
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
	}
	return text
}

// Named are the addresses that the annotation of a team names; none: it is about everybody.
func Named(text string) (addresses []string) {
	for word := range strings.FieldsSeq(text) {
		if strings.Contains(word, "@") {
			addresses = append(addresses, word)
		}
	}
	return addresses
}
