package pages

// ada is who most pages are shown to.
const ada = "ada@example.com"

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
    fields:
    - {name: organization, label: Company, type: Text, required: true}
    - {name: website, label: Website, type: URL}
    - {name: billing, label: "Where do invoices go?", type: Email, required: true}
    - {name: telephone, label: Telephone, type: Phone}
    - {name: size, label: "How many are you?", type: Select, options: [1 to 10, 11 to 100, more than 100]}
    - {name: home, label: Country, type: Country, required: true}
    - {name: about, label: "What do you do?", type: LongText}
    - {name: consent, label: "Acme may tell others that we work together", type: Checkbox, required: true}
`

// adaInvite invites Ada into a group of the program.
const adaInvite = `
kind: PartnerInvite
metadata: {name: ada}
spec:
  contact: {email: ada@example.com, firstName: Ada, lastName: Lovelace}
  programs: [{name: referral, groupRef: {name: gold}}]
`
