package kubectl

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/link"
)

// checkMail talks to the mail server as the operator does, and says goodbye before a mail.
func (o CheckOptions) checkMail(ctx context.Context, d Desk, settings map[string]string, note noting) {
	url := cmp.Or(o.SMTPURL, settings["smtp-url"])
	if url == "" {
		if settings == nil {
			note("mail server", VerdictUnknown, "say which it is with --smtp-url")
		} else {
			note("mail server", VerdictFailed, "the operator has no --smtp-url, so no mail is sent")
		}
		return
	}
	config, err := smtp.ParseURL(url)
	if err != nil {
		note("mail server", VerdictFailed, "the operator's --smtp-url %v", err)
		return
	}
	if err := o.identify(&config, settings); err != nil {
		note("mail server", VerdictFailed, "%v", err)
		return
	}
	without := o.trust(ctx, d, &config, settings)
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	channel := smtp.NewChannel(config)
	defer channel.Close()
	if outcome := channel.Probe(ctx); outcome.Class != delivery.Accepted {
		verdict := VerdictFailed
		if o.SMTPURL == "" {
			verdict = VerdictWarning // from inside of the cluster it may be different
		}
		note("mail server", verdict, "%s, from this machine: %s%s", config.Address(), outcome.Message, without)
		return
	}
	note("mail server", VerdictOK, "%s answers, from this machine%s", config.Address(), without)
}

// identify finds out under which name the operator greets its mail server.
func (o CheckOptions) identify(config *smtp.Config, settings map[string]string) error {
	config.Helo, config.CAFile = cmp.Or(o.Helo, settings["smtp-helo"]), o.CAFile
	if config.Helo != "" {
		if err := smtp.CheckHelo(config.Helo); err != nil {
			return fmt.Errorf("--smtp-helo %w", err)
		}
		return nil
	}
	if base, err := link.ParseBase(cmp.Or(o.PortalURL, settings["portal-url"])); err == nil {
		config.Helo = smtp.DefaultHelo(base.Host())
	}
	if sender, err := address.ParseSender(settings["mail-from"]); err == nil && config.Helo == "" {
		_, domain, _ := strings.Cut(sender.Address, "@")
		config.Helo = smtp.DefaultHelo(domain)
	}
	return nil
}

// trust fills in the password, and the certificates that the operator trusts. It tells what it had to do without.
func (o CheckOptions) trust(ctx context.Context, d Desk, config *smtp.Config, settings map[string]string) (without string) {
	if config.Username != "" {
		password, secret, ok := o.mounted(ctx, d.Client, cmp.Or(settings["smtp-password-file"], "password"))
		config.Password = strings.TrimRight(string(password), "\r\n")
		if !ok {
			config.Username, without = "", ", but signing in could not be tried: Secret "+secret+" cannot be read"
		}
	}
	if file := settings["smtp-ca-file"]; file != "" && config.CAFile == "" {
		ca, secret, ok := o.mounted(ctx, d.Client, file)
		if config.CA = ca; !ok {
			without += ", without the certificates of --smtp-ca-file: Secret " + secret + " cannot be read; name a copy of them with --smtp-ca-file"
		}
	}
	return without
}

// smtpSecret is the Secret that config/manager mounts for the mail server.
const smtpSecret = "partner-operator-smtp"

// mounted is what stands in a file of the operator that comes from a Secret, and the name of that.
func (w Installation) mounted(ctx context.Context, c client.Reader, file string) (content []byte, secret string, ok bool) {
	secret = smtpSecret
	if deployment, err := w.deployed(ctx, c); err == nil {
		secret = cmp.Or(secretAt(deployment.Spec.Template.Spec, path.Dir(file)), secret)
	}
	var found corev1.Secret
	if err := c.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: secret}, &found); err != nil {
		return nil, secret, false
	}
	content, ok = found.Data[path.Base(file)]
	return content, secret, ok
}

// secretAt is the name of the Secret that the first container of a pod finds in a folder; empty: there is none.
func secretAt(pod corev1.PodSpec, folder string) string {
	for _, mount := range pod.Containers[0].VolumeMounts {
		for _, volume := range pod.Volumes {
			if volume.Name == mount.Name && path.Clean(mount.MountPath) == folder && volume.Secret != nil {
				return volume.Secret.SecretName
			}
		}
	}
	return ""
}
