"""Sign2Text: from pixels straight to text, the baseline of Camgoz et al. (CVPR 2018)."""
