"""What user code of Gramex 1.x imports: `import gramex.cache` is `compat.cache`, and so on (see functions.alias).

Each module has the public names of its namesake in Gramex 1.94, made of what this server has. What belongs to one app
is in `compat.state`.
"""
