"""ReRF (Wang et al., CVPR 2023): residual radiance fields, the anchor of volumetric video."""
