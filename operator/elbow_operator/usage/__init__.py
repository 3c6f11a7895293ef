"""What proxies counted, added up once each: values in, values out."""
