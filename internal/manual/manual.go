// Package manual knows where people without a copy of the repository read the pages of its docs folder.
package manual

// Page returns the address of a page, such as mail.md#templates.
func Page(name string) string {
	return "https://github.com/partner-operator/partner-operator/blob/main/docs/" + name
}
