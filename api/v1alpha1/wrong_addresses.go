package v1alpha1

// WrongAddresses counts the wrong addresses that were typed on the page of one link, whoever typed them. A link that has
// come into other hands shows a masked address, and must not let it be guessed.
// +kubebuilder:validation:Minimum=0
// +kubebuilder:validation:Maximum=10
type WrongAddresses int32

// MaxWrongAddresses is how many a link bears. With that many it is dead, also for the right address, until a new link
// takes its place.
const MaxWrongAddresses WrongAddresses = 10

// LinkDead reports whether the link bears no more.
func (w WrongAddresses) LinkDead() bool { return w >= MaxWrongAddresses }

// Next is the count with one more.
func (w WrongAddresses) Next() WrongAddresses { return min(w+1, MaxWrongAddresses) }
