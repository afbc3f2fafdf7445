// Package roster reads and writes lists of partners as CSV: a header, and one row for each person or team. It is pure:
// what it finds wrong names the line, and whether a program exists is not its business.
package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Column is what a cell of a roster means.
type Column string

// The columns. Only email is needed.
const (
	ColumnEmail       Column = "email"
	ColumnFirstName   Column = "first_name"
	ColumnLastName    Column = "last_name"
	ColumnDisplayName Column = "display_name"
	ColumnJobTitle    Column = "job_title"
	ColumnPhone       Column = "phone"
	// ColumnProgram holds programs, each with a group if one is wanted: referral:gold|reseller.
	ColumnProgram Column = "program"
	// ColumnGroup is the group of the row's programs that name none.
	ColumnGroup Column = "group"
	// ColumnTeam is the name of a PartnerTeam: the row is then that team, and the person its owner.
	ColumnTeam Column = "team"
	// ColumnTeamName is the name of the team that people read.
	ColumnTeamName     Column = "team_name"
	ColumnStage        Column = "stage"
	ColumnPortalAccess Column = "portal_access"
	ColumnValidUntil   Column = "valid_until"
	// ColumnIgnored is a column that is left out.
	ColumnIgnored Column = "-"
)

// limits are the most characters of columns, which hold one line. The API server knows the same.
var limits = map[Column]int{
	ColumnFirstName: 64, ColumnLastName: 64, ColumnDisplayName: 128, ColumnJobTitle: 128, ColumnPhone: 32, ColumnTeam: 253,
	ColumnTeamName: 128, ColumnStage: 64,
}

// maxCustom is the most characters of a custom field.
const maxCustom = 1024

// CustomPrefix begins the name of a column with a custom field: field.region.
const CustomPrefix = "field."

// Columns are all columns with a fixed name, in the order in which they are written.
var Columns = []Column{
	ColumnEmail, ColumnFirstName, ColumnLastName, ColumnDisplayName, ColumnJobTitle, ColumnPhone, ColumnProgram, ColumnGroup,
	ColumnTeam, ColumnTeamName, ColumnStage, ColumnPortalAccess, ColumnValidUntil,
}

// aliases are the headers under which other platforms export the same, in the form that plain gives.
var aliases = map[string]Column{
	"e_mail": ColumnEmail, "email_address": ColumnEmail, "mail": ColumnEmail, "partner_email": ColumnEmail, "contact_email": ColumnEmail,
	"affiliate_email": ColumnEmail, "owner_email": ColumnEmail,
	"firstname": ColumnFirstName, "given_name": ColumnFirstName, "affiliate_first_name": ColumnFirstName, "contact_first_name": ColumnFirstName,
	"lastname": ColumnLastName, "surname": ColumnLastName, "family_name": ColumnLastName, "affiliate_last_name": ColumnLastName,
	"contact_last_name": ColumnLastName,
	"name":              ColumnDisplayName, "full_name": ColumnDisplayName, "partner_name": ColumnDisplayName, "company": ColumnDisplayName,
	"company_name": ColumnDisplayName,
	"title":        ColumnJobTitle, "position": ColumnJobTitle, "phone_number": ColumnPhone, "telephone": ColumnPhone,
	"programs": ColumnProgram, "campaign": ColumnProgram, "group_name": ColumnGroup, "group_slug": ColumnGroup, "tier": ColumnGroup,
	"partner_group": ColumnGroup, "affiliate_type": ColumnGroup,
}

// plain is a header without case, and with one mark between words.
func plain(header string) string {
	words := strings.FieldsFunc(strings.ToLower(header), func(r rune) bool { return r == ' ' || r == '_' || r == '-' || r == '\t' || r == '\u00a0' })
	return strings.Join(words, "_")
}

// ParseMap reads what a person says about the headers of a file: header=column, or header=- to leave one out.
func ParseMap(pairs []string) (map[string]Column, error) {
	parsed := map[string]Column{}
	for _, pair := range pairs {
		at := strings.LastIndex(pair, "=")
		if at < 1 {
			return nil, fmt.Errorf("%q is not of the form HEADER=COLUMN", pair)
		}
		header, column := strings.TrimSpace(pair[:at]), Column(strings.TrimSpace(pair[at+1:]))
		if !known(column) {
			return nil, fmt.Errorf("%q names no column; there are %s, %sNAME, and - to leave it out", pair, list(Columns), CustomPrefix)
		}
		parsed[header] = column
	}
	return parsed, nil
}

func known(column Column) bool {
	name, custom := strings.CutPrefix(string(column), CustomPrefix)
	return column == ColumnIgnored || slices.Contains(Columns, column) || custom && name != ""
}

func list(columns []Column) string {
	words := make([]string, len(columns))
	for i, column := range columns {
		words[i] = string(column)
	}
	return strings.Join(words, ", ")
}

// columnsOf finds out what the columns of a file mean, and which headers mean nothing.
func columnsOf(headers []string, mapped map[string]Column) (columns []Column, unknown []string, err error) {
	unused := map[string]bool{}
	for header := range mapped {
		unused[header] = true
	}
	seen := map[Column]string{}
	for _, header := range headers {
		header = strings.TrimSpace(header)
		column, said := mapped[header]
		if delete(unused, header); !said {
			column = meaning(header)
		}
		if column == ColumnIgnored && !said && header != "" {
			unknown = append(unknown, header)
		}
		if earlier, twice := seen[column]; twice && column != ColumnIgnored {
			return nil, nil, fmt.Errorf("the headers %q and %q both mean %s; leave one out with --map %q", earlier, header, column, header+"=-")
		}
		seen[column] = header
		columns = append(columns, column)
	}
	for header := range unused {
		return nil, nil, fmt.Errorf("there is no header %q, which --map names; there are %q", header, headers)
	}
	if !slices.Contains(columns, ColumnEmail) {
		return nil, nil, errors.New("there is no column email; the first line must name the columns, or --map HEADER=email must say which it is")
	}
	return columns, unknown, nil
}

// meaning is the column that a header names by itself.
func meaning(header string) Column {
	if name, custom := strings.CutPrefix(header, CustomPrefix); custom && name != "" {
		return Column(header)
	}
	text := plain(header)
	if slices.Contains(Columns, Column(text)) {
		return Column(text)
	}
	if column, found := aliases[text]; found {
		return column
	}
	return ColumnIgnored
}
