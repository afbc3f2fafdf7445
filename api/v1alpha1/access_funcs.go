package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// LastActive is when the person was last seen, as far as is known; nil: never. A link that was used tells it, too: more
// closely, and for objects of before lastActiveTime was kept.
func (a *Access) LastActive() *metav1.Time {
	if used := a.SignIn.LastTime; used != nil && (a.LastActiveTime == nil || a.LastActiveTime.Before(used)) {
		return used
	}
	return a.LastActiveTime
}
