"""Text in a PDF in any script: fonts are chosen letter by letter, shaped by HarfBuzz, and embedded as subsets."""
