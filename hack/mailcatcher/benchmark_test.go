package mailcatcher

import (
	"net/smtp"
	"runtime"
	"sync/atomic"
	"testing"
)

// BenchmarkPersistentConnections sends one mail after the other over a few connections.
func BenchmarkPersistentConnections(b *testing.B) {
	catcher := start(b, Options{HTTPAddress: "-"})
	mail := inviteText()
	const perCPU = 4
	clients := make([]*smtp.Client, perCPU*runtime.GOMAXPROCS(0))
	for i := range clients {
		clients[i] = connect(b, catcher)
	}
	var taken atomic.Int64
	b.SetParallelism(perCPU)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		client := clients[taken.Add(1)-1]
		for pb.Next() {
			if err := send(client, mail, recipient); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
