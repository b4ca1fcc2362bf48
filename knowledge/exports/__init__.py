"""What leaves the store as files: open formats, each kind named in ``registry``."""
