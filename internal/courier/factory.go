package courier

import "github.com/partner-operator/partner-operator/internal/courier/smtp"

// Open makes the channel to a mail server, which connects when it is first used. It alone knows which url makes which
// channel.
func Open(config smtp.Config) Channel { return smtp.NewChannel(config) }
