"""Apps that others import by `$GRAMEXAPPS/<name>/gramex.yaml`, as those of Gramex 1.x."""
