package mail

import (
	"sync"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Many mails are rendered at once, with templates and a parser that they share.
func TestMailsRenderedAtOnceAreEachTheirOwn(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		for _, each := range contents[v1alpha1.MailInvite] {
			each.content.Message = "Dear **" + each.what + "**"
			want := render(t, v1alpha1.MailInvite, acme(each.company), each.content)
			all.Go(func() {
				got, err := Render(v1alpha1.MailInvite, acme(each.company), each.content, nil)
				if err != nil || got.Text != want.Text || got.HTML != want.HTML {
					t.Errorf("%s: the mail says something else than alone (%v)", each.what, err)
				}
			})
		}
	}
	all.Wait()
}

func BenchmarkRender(b *testing.B) {
	for _, kind := range []v1alpha1.MailKind{v1alpha1.MailInvite, v1alpha1.MailSignIn} {
		each := contents[kind][0]
		b.Run(string(kind), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Render(kind, acme(each.company), each.content, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
