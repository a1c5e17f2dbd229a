"""Who may say what a satellite installs: pure, for the ground and for the satellites alike.

Two parties must agree before anything is installed, after TUF 1.0 and Uptane 2.1:

- The **release repository**: people with keys that lie offline, some number of whom must sign.
  Their `root` names all keys and thresholds; a `release` (of type targets) names an artefact by
  SHA-256 and length, with the hardware it is made for and its counter; their `snapshot` lists the
  releases that may be installed today.
- The **director**: the ground's own key, online. Its `assignment` gives one release to one
  satellite. It is of type timestamp and names the snapshot by version and hash, so that freshness
  (it expires soon) and choice travel as one signed document.

Whoever steals the director's key can choose among releases that are signed and not withdrawn, with
counters that do not go back; whoever steals one offline key can do nothing. Gateways, stations and
laser links carry these documents and are believed in nothing.

`documents` makes and signs them, `bundles` puts them into files of at most 8 KiB, `verifying`
judges such a file against a `state.Trusted` and mission time, `inventory` is what satellites report
back, `statements` speaks the OpenSSF model-signing form.
"""
