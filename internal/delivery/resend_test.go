package delivery

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestResend(t *testing.T) {
	long := strings.Repeat("x", maxResendText+1)
	for name, test := range map[string]struct {
		text, handled string
		want          string
		again         bool
	}{
		"nobody asks":             {"", "", "", false},
		"somebody asks":           {"now", "", "now", true},
		"somebody asks once more": {"again", "now", "again", true},
		"it was handled":          {"now", "now", "now", false},
		"it is taken away":        {"", "now", "now", false},
		"a long text":             {long, "", Mark(long), true},
		"a long text, handled":    {long, Mark(long), Mark(long), false},
	} {
		t.Run(name, func(t *testing.T) {
			tried := &metav1.Time{Time: time.Unix(0, 0)}
			mails := []v1alpha1.MailDelivery{
				{Kind: v1alpha1.MailRevoked, State: v1alpha1.DeliveryFailed, Attempts: 3, FirstAttemptTime: tried, LastAttemptTime: tried, Message: "no"},
				{Kind: v1alpha1.MailSignIn, State: v1alpha1.DeliverySent, Attempts: 1},
			}
			var annotations map[string]string
			if test.text != "" {
				annotations = map[string]string{v1alpha1.ResendAnnotation: test.text}
			}
			if got := Resend(annotations, test.handled, mails); got != test.want {
				t.Errorf("handled is %q", got)
			}
			if again := mails[0].State == v1alpha1.DeliveryPending && mails[0].Attempts == 0 && mails[0].Message == ""; again != test.again || mails[1].State != v1alpha1.DeliverySent {
				t.Errorf("the mails are %+v", mails)
			}
		})
	}
}

func TestRetryAll(t *testing.T) {
	mails := []v1alpha1.MailDelivery{
		{Kind: v1alpha1.MailRevoked, Serial: 2, State: v1alpha1.DeliveryFailed},
		{Kind: v1alpha1.MailSignIn, Serial: 2, State: v1alpha1.DeliveryFailed},
	}
	RetryAll(mails, []Key{{Kind: v1alpha1.MailRevoked, Serial: 2}, {Kind: v1alpha1.MailSignIn, Serial: 1}})
	if mails[0].State != v1alpha1.DeliveryPending || mails[1].State != v1alpha1.DeliveryFailed {
		t.Errorf("the mails are %+v", mails)
	}
}

func TestRepeatID(t *testing.T) {
	const id = "teammate-invite.uid-mark.3@acme.example"
	for repeat, want := range map[int64]string{0: id, 1: "teammate-invite.uid-mark.3-r1@acme.example", 12: "teammate-invite.uid-mark.3-r12@acme.example"} {
		if got := RepeatID(id, repeat); got != want {
			t.Errorf("the repeat %d is %q", repeat, got)
		}
	}
}
