package join

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	// DefaultMaxPerHour is how many verification mails can be asked for within an hour where a group does not say.
	DefaultMaxPerHour = 100
	// MaxPerDay is how many verification mails an address gets within a day from all groups of a namespace. A link lives
	// for a day, so whoever gets no other mail has one that works.
	MaxPerDay = 3
	// MaxWaiting is how many verification mails of a group can wait to be sent.
	MaxWaiting = 100

	// retryFull is when to ask again where too many mails wait: nobody knows when they leave.
	retryFull = time.Minute
	// requestStep is how finely the requests of an hour are counted.
	requestStep = 5 * time.Minute
	// recipientStep is how long recipients are noted together.
	recipientStep = time.Hour
	// maxRecipientSteps and maxMarks bound what is noted of recipients, as the schema does.
	maxRecipientSteps, maxMarks = 48, 16380 / noteSize
)

// Limit tells why nobody can ask for a verification mail of a group.
type Limit struct {
	// Reason is a reason of JoinLimited; empty: people can ask.
	Reason string
	// Message tells the company about it.
	Message string
	// Until is when to ask again.
	Until time.Time
}

// LimitOf is what keeps people from asking for a verification mail of a group, whoever they are.
func LimitOf(g *v1alpha1.PartnerGroup, now time.Time) Limit {
	if until := spentUntil(g, now); !until.IsZero() {
		return Limit{v1alpha1.ReasonMaxPerHour, fmt.Sprintf(
			"%d verification mails were asked for within an hour, as many as join.maxPerHour allows; the join link answers 429 until %s",
			maxPerHour(g), until.UTC().Format(time.RFC3339)), until}
	}
	if len(g.Status.Verifications) >= MaxWaiting {
		return Limit{v1alpha1.ReasonTooManyWaiting, fmt.Sprintf(
			"%d verification mails wait to be sent, and no more can; the join link answers 429 until some have left", MaxWaiting), now.Add(retryFull)}
	}
	return Limit{}
}

func maxPerHour(g *v1alpha1.PartnerGroup) int {
	if most := g.Spec.Join.MaxPerHour; most != nil {
		return int(*most)
	}
	return DefaultMaxPerHour
}

// spentUntil tells until when a group has spent its budget; the zero time: it has not. All requests of a step count until
// an hour after its end, so that no hour ever has more than the budget.
func spentUntil(g *v1alpha1.PartnerGroup, now time.Time) (until time.Time) {
	left := maxPerHour(g)
	for _, step := range slices.Backward(g.Status.VerificationRequests) {
		end := step.StartTime.Add(requestStep + time.Hour)
		if !now.Before(end) {
			break
		}
		if left -= int(step.Count); left <= 0 {
			return end
		}
	}
	return time.Time{}
}

// countRequest counts a request, and forgets those that count no more.
func countRequest(status *v1alpha1.PartnerGroupStatus, now time.Time) {
	steps := slices.DeleteFunc(status.VerificationRequests, func(step v1alpha1.VerificationRequests) bool {
		return !now.Before(step.StartTime.Add(requestStep + time.Hour))
	})
	if last := len(steps) - 1; last >= 0 && now.Before(steps[last].StartTime.Add(requestStep)) {
		steps[last].Count++
	} else {
		steps = append(steps, v1alpha1.VerificationRequests{StartTime: metav1.Time{Time: now.Truncate(time.Second)}, Count: 1})
	}
	status.VerificationRequests = steps
}

// FollowLimit sets the condition JoinLimited, or takes it away, and gives the time after which to look again; 0: never.
func FollowLimit(status *v1alpha1.PartnerGroupStatus, g *v1alpha1.PartnerGroup, now time.Time) time.Duration {
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: g.Generation, Now: now}
	limit := LimitOf(g, now)
	if limit.Reason == "" || !IsOpen(g) {
		set.Remove(v1alpha1.ConditionJoinLimited)
		return 0
	}
	set.True(v1alpha1.ConditionJoinLimited, limit.Reason, limit.Message)
	return limit.Until.Sub(now)
}

// A note tells of one verification mail: so much of a mark of the address that no two people share one by chance, and the
// second at which it was asked for.
const (
	markSize = 8
	noteSize = markSize + 2
	digits   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// RecipientPlace is what addresses are marked for where it is counted how many verification mails they get.
func RecipientPlace(namespace string) string { return "verification mails of " + namespace }

// noteRecipient notes that a mail is sent to an address with a mark, and forgets whom it was sent to longer ago than a day.
func noteRecipient(status *v1alpha1.PartnerGroupStatus, mark string, requested, now time.Time) {
	steps := slices.DeleteFunc(status.VerificationRecipients, func(step v1alpha1.VerificationRecipients) bool {
		return !now.Before(step.StartTime.Add(recipientStep + VerificationLifetime))
	})
	last := len(steps) - 1
	if last < 0 || !requested.Before(steps[last].StartTime.Add(recipientStep)) || len(steps[last].Marks) >= maxMarks*noteSize {
		steps = append(steps, v1alpha1.VerificationRecipients{StartTime: metav1.Time{Time: requested.Truncate(time.Second)}})
		steps = steps[max(0, len(steps)-maxRecipientSteps):]
		last = len(steps) - 1
	}
	second := max(0, int(requested.Sub(steps[last].StartTime.Time)/time.Second))
	steps[last].Marks += mark[:markSize] + string([]byte{digits[second/len(digits)], digits[second%len(digits)]})
	status.VerificationRecipients = steps
}

// recipient is one note.
type recipient struct {
	mark      string
	requested time.Time
}

// recipients reads notes. What is no note is left out.
func recipients(steps []v1alpha1.VerificationRecipients) (found []recipient) {
	for _, step := range steps {
		for notes := step.Marks; len(notes) >= noteSize; notes = notes[noteSize:] {
			high, low := strings.IndexByte(digits, notes[markSize]), strings.IndexByte(digits, notes[markSize+1])
			second := time.Duration(max(0, high)*len(digits) + max(0, low))
			found = append(found, recipient{notes[:markSize], step.StartTime.Add(second * time.Second)})
		}
	}
	return found
}

// SentTimes are when the verification mails of a group were asked for that were sent within the last day.
func SentTimes(status *v1alpha1.PartnerGroupStatus) (times []time.Time) {
	for _, r := range recipients(status.VerificationRecipients) {
		times = append(times, r.requested)
	}
	return times
}

// enough tells whether an address with one of these marks got as many mails within the last day as it can.
func enough(marks []string, noted []v1alpha1.VerificationRecipients, now time.Time) bool {
	if len(marks) == 0 {
		return false
	}
	got := 0
	for _, r := range recipients(noted) {
		if now.Before(r.requested.Add(VerificationLifetime)) && slices.ContainsFunc(marks, func(mark string) bool { return mark[:markSize] == r.mark }) {
			got++
		}
	}
	return got >= MaxPerDay
}
