package browser

// The people whom the pages are shown to, and whom they speak of.
const (
	ada  = "ada@example.com"
	eve  = "eve@example.com"
	olga = "olga@agency.example"
	bob  = "bob@agency.example"
	mary = "mary@agency.example"
	carl = "carl@agency.example"
)

// What stands for the names of Ada's partnerships in programs, which nobody knows before.
const (
	adasReferral = ada + "/referral"
	adasReseller = ada + "/reseller"
)

// brand is how the company presents itself.
const brand = `
apiVersion: v1
kind: ConfigMap
metadata: {name: partner-brand}
data: {displayName: Acme Partners}
`

// referral is the program that every tenant has. Its group gold has an application form with a field of every type.
const referral = `
kind: Program
metadata: {name: referral}
spec:
  displayName: Acme Referral
  description: Recommend Acme to people you know, and earn 20% of their first year.
  defaultGroupRef: {name: standard}
  links: {destination: "https://acme.example/start"}
---
kind: PartnerGroup
metadata: {name: standard}
spec: {programRef: {name: referral}, displayName: Standard}
---
kind: PartnerGroup
metadata: {name: gold}
spec:
  programRef: {name: referral}
  displayName: Gold
  join:
    mode: Form
    reapplyAfter: 720h
    fields:
    - {name: organization, label: Company, type: Text, required: true}
    - {name: website, label: Website, type: URL}
    - {name: billing, label: "Where do invoices go?", type: Email, required: true}
    - {name: telephone, label: Telephone, type: Phone}
    - {name: size, label: "How many are you?", type: Select, options: [1 to 10, 11 to 100, more than 100]}
    - {name: home, label: Country, type: Country, required: true}
    - {name: about, label: "What do you do?", type: LongText}
    - {name: consent, label: "Acme may tell others that we work together", type: Checkbox, required: true}
---
kind: PartnerGroup
metadata: {name: open}
spec:
  programRef: {name: referral}
  displayName: Friends of Acme
  join: {mode: Open, approval: Automatic, eligibleDomains: [example.com, example.org]}
`

// programs are two more: one with terms, and one in which the company approves whoever accepts.
const programs = `
kind: Program
metadata: {name: reseller}
spec:
  displayName: Acme Reseller
  description: Sell Acme in your own name.
  terms: {url: "https://acme.example/reseller-terms", version: "2026-01"}
  links: {destination: "https://acme.example/resellers"}
---
kind: Program
metadata: {name: consulting}
spec:
  displayName: Acme Consulting
  description: Advise those who use Acme.
  onboarding: {invited: Approval}
`

// adaInvite invites Ada into a group of the program.
const adaInvite = `
kind: PartnerInvite
metadata: {name: ada}
spec:
  contact: {email: ada@example.com, firstName: Ada, lastName: Lovelace}
  programs: [{name: referral, groupRef: {name: gold}}]
`

// adaFormInvite asks her to fill in the application form, too.
const adaFormInvite = adaInvite + `  form: Require
`

// adaEverywhere invites Ada into every program that there is.
const adaEverywhere = `
kind: PartnerInvite
metadata: {name: ada}
spec:
  contact: {email: ada@example.com, firstName: Ada, lastName: Lovelace}
`

// adaPartner makes Ada a partner, without asking her.
const adaPartner = `
kind: Partnership
metadata: {name: ada}
spec:
  programRef: {name: referral}
  contact: {email: ada@example.com, firstName: Ada}
`

// newTeam invites Olga to own a new team.
const newTeam = `
kind: PartnerInvite
metadata: {name: studio}
spec:
  contact: {email: olga@agency.example, firstName: Olga}
  team:
    name: agency
    displayName: Agency GmbH
    members:
    - {email: bob@agency.example, firstName: Bob, lastName: Builder, role: Admin}
    - {email: a-rather-long-address-of-somebody@marketing.agency.example}
  programs: [{name: referral, groupRef: {name: gold}}]
`

// agency is a team, and its partnership.
const agency = `
kind: PartnerTeam
metadata: {name: agency}
spec:
  displayName: Agency
  owner: {email: olga@agency.example, firstName: Olga}
---
kind: Partnership
metadata: {name: agency-referral}
spec:
  programRef: {name: referral}
  teamRef: {name: agency}
`

// crew is what the status of the team says once people of every kind were in it.
const crew = `{"status": {"activeMembers": 4, "lastSerial": 100, "members": [
	{"email": "olga@agency.example", "firstName": "Olga", "role": "Owner", "state": "Active", "source": "Owner", "lastActiveTime": "2026-03-01T10:00:00Z"},
	{"email": "bob@agency.example", "firstName": "Bob", "lastName": "Builder", "role": "Admin", "state": "Active", "source": "Team", "lastActiveTime": "2026-02-01T10:00:00Z"},
	{"email": "mary@agency.example", "firstName": "Mary", "role": "Member", "state": "Active", "source": "Team"},
	{"email": "a-rather-long-address-of-somebody@accounting.agency.example", "role": "Finance", "state": "Active", "source": "Company"},
	{"email": "ivy@agency.example", "role": "Member", "state": "Invited", "source": "Team", "serial": 3, "sentTime": "2026-01-01T10:00:00Z", "expiryTime": "2099-01-01T00:00:00Z"},
	{"email": "late@agency.example", "role": "Member", "state": "Invited", "source": "Team", "serial": 4, "sentTime": "2026-01-01T10:00:00Z", "expiryTime": "2026-01-08T10:00:00Z"},
	{"email": "gone@agency.example", "role": "Member", "state": "Removed", "source": "Team", "endedTime": "2026-01-01T10:00:00Z"},
	{"email": "no@agency.example", "role": "Member", "state": "Declined", "source": "Company", "endedTime": "2026-01-01T10:00:00Z"}
]}}`

// moreTeammates proposes two people to the team.
const moreTeammates = `
kind: PartnerInvite
metadata: {name: more}
spec:
  teamRef: {name: agency}
  members: [{email: carl@agency.example, firstName: Carl}, {email: dora@agency.example, role: Finance}]
`

// moreProgramsForTheTeam invites the team into a program.
const moreProgramsForTheTeam = `
kind: PartnerInvite
metadata: {name: further}
spec:
  teamRef: {name: agency}
  programs: [{name: reseller}]
`
