package roster

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// read gives every row of a file, the problems as texts.
func read(t *testing.T, file string, pairs ...string) (rows []Row, problems []string, err error) {
	t.Helper()
	mapped, err := ParseMap(pairs)
	if err != nil {
		return nil, nil, err
	}
	r, err := NewReader(strings.NewReader(file), mapped)
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, problems, nil
		}
		if err != nil {
			return rows, problems, err
		}
		problem := ""
		if row.Problem != nil {
			problem, row.Problem = row.Problem.Error(), nil
		}
		rows, problems = append(rows, row), append(problems, problem)
	}
}

func TestRead(t *testing.T) {
	referral := []Grant{{Program: "referral"}}
	for name, test := range map[string]struct {
		file     string
		mapped   []string
		rows     []Row
		problems []string
	}{
		"all columns": {
			file: "email,first_name,last_name,display_name,job_title,phone,program,group,team,team_name,stage,portal_access,valid_until,field.region\n" +
				"ada@example.com,Ada,L,Ada L,CTO,+49 1,referral,gold,agency,Agency GmbH,Prospect,disabled,2027-06-30,EMEA\n",
			rows: []Row{{
				Line: 2, Email: "ada@example.com", FirstName: "Ada", LastName: "L", DisplayName: "Ada L", JobTitle: "CTO", Phone: "+49 1",
				Grants: []Grant{{"referral", "gold"}}, Team: "agency", TeamName: "Agency GmbH", Stage: "Prospect", PortalAccess: "Disabled",
				ValidUntil: time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC), Custom: map[string]string{"region": "EMEA"},
			}},
			problems: []string{""},
		},
		"a mark at the start, semicolons, and lines of Windows": {
			file:     "\xef\xbb\xbfEmail;Program\r\nada@example.com;referral\r\n",
			rows:     []Row{{Line: 2, Email: "ada@example.com", Grants: referral}},
			problems: []string{""},
		},
		"tabs":                              {file: "email\tprogram\nada@example.com\treferral", rows: []Row{{Line: 2, Email: "ada@example.com", Grants: referral}}, problems: []string{""}},
		"a comma in quotes is no separator": {file: "\"name, or so\";email\nA;ada@example.com", mapped: []string{"name, or so=stage"}, rows: []Row{{Line: 2, Email: "ada@example.com", Stage: "A"}}, problems: []string{""}},
		"a quoted line break counts as a line": {
			file:     "email,field.note\nada@example.com,\"a\nb\"\nbob@example.com,c\n",
			rows:     []Row{{Line: 2, Email: "ada@example.com", Custom: map[string]string{"note": "a\nb"}}, {Line: 4, Email: "bob@example.com", Custom: map[string]string{"note": "c"}}},
			problems: []string{"", ""},
		},
		"empty lines are left out":    {file: "email,stage\n\n,\n  ,\nada@example.com,x\n", rows: []Row{{Line: 5, Email: "ada@example.com", Stage: "x"}}, problems: []string{""}},
		"several programs":            {file: "email,program,group\nada@example.com,referral:gold|reseller,silver\n", rows: []Row{{Line: 2, Email: "ada@example.com", Grants: []Grant{{"referral", "gold"}, {"reseller", "silver"}}}}, problems: []string{""}},
		"a group without its program": {file: "email,group\nada@example.com,gold\n", rows: []Row{{Line: 2, Email: "ada@example.com", Grants: []Grant{{"", "gold"}}}}, problems: []string{""}},
		"headers of another platform": {file: "Affiliate Email,Affiliate First Name,Stripe ID\nada@example.com,Ada,x\n", rows: []Row{{Line: 2, Email: "ada@example.com", FirstName: "Ada"}}, problems: []string{""}},
		"headers are mapped":          {file: "Kontakt,Firma\nada@example.com,Acme\n", mapped: []string{"Kontakt=email", "Firma=field.company"}, rows: []Row{{Line: 2, Email: "ada@example.com", Custom: map[string]string{"company": "Acme"}}}, problems: []string{""}},
		"a header is left out":        {file: "email,Company,Name\nada@example.com,Acme,Ada\n", mapped: []string{"Company=-"}, rows: []Row{{Line: 2, Email: "ada@example.com", DisplayName: "Ada"}}, problems: []string{""}},
		"no address":                  {file: "email,stage\n,x\n", rows: []Row{{Line: 2, Stage: "x"}}, problems: []string{"column email: is empty"}},
		"an address with a name":      {file: "email\nAda <ada@example.com>\n", rows: []Row{{Line: 2, Email: "Ada <ada@example.com>"}}, problems: []string{"column email: the address has characters before the @ that are not ASCII"}},
		"too many cells":              {file: "email\nada@example.com,x\nbob@example.com\n", rows: []Row{{Line: 2}, {Line: 3, Email: "bob@example.com"}}, problems: []string{"has 2 cells, and the header has 1", ""}},
		"a stray quote stops only its row": {
			file:     "email,stage\nada@example.com,a\"b\nbob@example.com,c\n",
			rows:     []Row{{Line: 2}, {Line: 3, Email: "bob@example.com", Stage: "c"}},
			problems: []string{"cannot be read as CSV: bare \" in non-quoted-field", ""},
		},
		"a line break in a name": {file: "email,stage\nada@example.com,\"a\nb\"\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{"column stage: has a line break, or another character that cannot be seen"}},
		"a long name":            {file: "email,phone\nada@example.com," + strings.Repeat("1", 33) + "\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{"column phone: is longer than 32 characters"}},
		"a long custom field":    {file: "email,field.x\nada@example.com," + strings.Repeat("1", 1025) + "\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{"column field.x: is longer than 1024 characters"}},
		"no name of a team":      {file: "email,team\nada@example.com,Agency GmbH\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{`column team: "Agency GmbH" is no name of a team; use lower-case letters, digits and hyphens`}},
		"not UTF-8":              {file: "email,first_name\nada@example.com,J\xfcrgen\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{"is not UTF-8 text; save the file as CSV UTF-8"}},
		"no time":                {file: "email,valid_until\nada@example.com,30.6.2027\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{`column valid_until: "30.6.2027" is no time such as 2027-06-30 or 2027-06-30T00:00:00Z`}},
		"no such access":         {file: "email,portal_access\nada@example.com,maybe\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{`column portal_access: "maybe" is neither Enabled nor Disabled`}},
		"a program twice":        {file: "email,program\nada@example.com,a|a:b\n", rows: []Row{{Line: 2, Email: "ada@example.com"}}, problems: []string{`the program "a" is named twice`}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, problems, err := read(t, test.file, test.mapped...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.rows, rows, cmp.AllowUnexported()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.problems, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusedHeader(t *testing.T) {
	for name, test := range map[string]struct {
		file   string
		mapped []string
		want   string
	}{
		"empty":                         {"", nil, "it is empty"},
		"no address":                    {"first_name,program\n", nil, "there is no column email"},
		"the same twice":                {"email,E-Mail\n", nil, `the headers "email" and "E-Mail" both mean email`},
		"UTF-16":                        {"\xff\xfee\x00", nil, "it is not UTF-8 text"},
		"a broken quote":                {"em\"ail\n", nil, "its header cannot be read"},
		"a map to a column that is no":  {"email\n", []string{"email=mail"}, `"email=mail" names no column`},
		"a map of nothing":              {"email\n", []string{"email"}, "is not of the form HEADER=COLUMN"},
		"a map of a header that is not": {"email\n", []string{"Mail=email"}, `there is no header "Mail"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := read(t, test.file, test.mapped...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestUnknownHeadersAreTold(t *testing.T) {
	r, err := NewReader(strings.NewReader("email,frist_name,Left Out\n"), map[string]Column{"Left Out": ColumnIgnored})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"frist_name"}, r.Unknown()); diff != "" {
		t.Error(diff)
	}
}

// What is written is read again as it was.
func TestWrite(t *testing.T) {
	want := []Row{
		{Line: 2, Email: "ada@example.com", FirstName: "A \"d\" a", Stage: "x,y;z", Grants: []Grant{{"referral", "gold"}}, Custom: map[string]string{"region": "EMEA"}},
		{Line: 3, Email: "bob@example.com", Team: "agency", TeamName: "Agency", Grants: []Grant{{"reseller", ""}}, PortalAccess: "Disabled", ValidUntil: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	var file strings.Builder
	w, err := NewWriter(&file, []string{"region"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range want {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	rows, _, err := read(t, file.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}
