"""Reports for systems that are no archives and speak HTTP: a webhook, a FHIR server."""
