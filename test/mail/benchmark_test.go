package mail_test

import (
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
)

// BenchmarkSend sends mails one after the other, each once over a kept connection and once with a sender of its own,
// and tells how many times as many the former delivers.
func BenchmarkSend(b *testing.B) {
	for name, open := range map[string]func(*testing.B) (*mailcatcher.Catcher, smtp.Config){
		"Plain": func(b *testing.B) (*mailcatcher.Catcher, smtp.Config) {
			catcher := start(b, mailcatcher.Options{})
			return catcher, to(b, catcher.SMTPAddr())
		},
		"STARTTLS": func(b *testing.B) (*mailcatcher.Catcher, smtp.Config) {
			return emptied(b, startTLS), signedIn(b, startTLS)
		},
	} {
		b.Run(name, func(b *testing.B) {
			catcher, config := open(b)
			worker, message := connectTo(b, config), invite(b, content())
			mustSend(b, worker, message)
			catcher.Reset()

			var kept, fresh time.Duration
			sent := 0
			for b.Loop() {
				began := time.Now()
				mustSend(b, worker, message)
				kept += time.Since(began)

				began = time.Now()
				single := smtp.NewChannel(config)
				mustSend(b, single, message)
				hangUp(b, single)
				fresh += time.Since(began)
				sent += 2
			}
			if catcher.Count() != sent {
				b.Fatalf("%d mails arrived, want %d", catcher.Count(), sent)
			}
			b.ReportMetric(float64(sent/2)/kept.Seconds(), "kept-mails/s")
			b.ReportMetric(float64(sent/2)/fresh.Seconds(), "fresh-mails/s")
			b.ReportMetric(fresh.Seconds()/kept.Seconds(), "ratio")
		})
	}
}
