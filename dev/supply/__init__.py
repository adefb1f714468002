"""What an image is made of: bill of materials, licences, known vulnerabilities. Read from its archive, offline."""
