package docs

import (
	"regexp"
	"strings"
	"testing"
)

// ofTheDeployment are commands that change the Deployment behind Helm's back; helmForms is what says the same to Helm.
var (
	ofTheDeployment = regexp.MustCompile(`kubectl [^\n]*(?:scale deployment[^\n]*--replicas=(\d+)|set env deployment/[^\n]*PARTNER_OPERATOR_MAIL_MODE(=\w+|-))`)
	heading         = regexp.MustCompile(`(?m)^## `)
)

// helmForm is the value that says what a command does.
func helmForm(found []string) string {
	switch {
	case found[1] != "":
		return "manager.replicas=" + found[1]
	case found[2] == "-":
		return "mail.mode=send"
	}
	return "mail.mode" + found[2]
}

// withoutHelmForm are the commands of a page about the Deployment, in whose section the form for Helm is not told.
func withoutHelmForm(p *page) (found []string) {
	for _, section := range heading.Split(string(p.source), -1) {
		for _, command := range ofTheDeployment.FindAllStringSubmatch(section, -1) {
			if form := helmForm(command); !regexp.MustCompile(`--set [\w.=,]*\b` + regexp.QuoteMeta(form) + `\b`).MatchString(section) {
				found = append(found, problem(p, 1, "%s has no form for Helm, --set %s", command[0], form))
			}
		}
	}
	return found
}

// Who installed with Helm finds how to do what a page does with kubectl, so that the next upgrade does not undo it.
func TestCommandsHaveTheirHelmForm(t *testing.T) {
	commands := 0
	for _, p := range projectPages(t) {
		for _, wrong := range withoutHelmForm(p) {
			t.Error(wrong)
		}
		commands += len(ofTheDeployment.FindAllString(string(p.source), -1))
	}
	if commands < 5 {
		t.Errorf("found %d commands", commands)
	}
	for text, want := range map[string]string{
		"## A\n\nkubectl -n x scale deployment y --replicas=0\n\n## B\n\n`--set manager.replicas=0`": "--set manager.replicas=0",
		"kubectl set env deployment/y PARTNER_OPERATOR_MAIL_MODE=hold, `--set mail.mode=send`":       "--set mail.mode=hold",
		"kubectl set env deployment/y PARTNER_OPERATOR_MAIL_MODE-":                                   "--set mail.mode=send",
		"kubectl scale deployment y --replicas=2, `--set a=b,manager.replicas=2`":                    "",
	} {
		got := strings.Join(withoutHelmForm(&page{source: []byte(text)}), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("of %q it finds %q", text, got)
		}
	}
}
